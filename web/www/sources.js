// Ways a picture comes in: a file, a drop, the clipboard, the camera, a sample.

import { byId } from "./dom.js";

const SAMPLES = [
  ["coffee.jpg", "A cup of coffee"],
  ["chelsea.jpg", "A cat"],
  ["astronaut.jpg", "An astronaut"],
  ["rocket.jpg", "A rocket"],
  ["flower.jpg", "A flower"],
  ["china.jpg", "A temple"],
];

/** Calls `open(name, bytes)` for every picture that comes, `fail(message)` for other files. */
export function setUpSources(open, fail) {
  const take = async (file) => open(file.name || "the picture", await file.arrayBuffer());
  const first = (files) => {
    if (files.length > 0) take(files[0]);
    else fail("Expected a file with a picture, found none.");
  };

  const input = byId("file");
  input.addEventListener("change", () => {
    if (input.files.length > 0) take(input.files[0]);
    input.value = "";
  });

  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    first(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length > 0) first(event.clipboardData.files);
    else fail("The clipboard holds no picture.");
  });

  const group = byId("samples");
  for (const [file, words] of SAMPLES) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.sample = file;
    const image = document.createElement("img");
    image.src = `samples/${file}`;
    image.alt = words;
    image.loading = "lazy";
    image.decoding = "async";
    button.append(image);
    button.addEventListener("click", async () => {
      const response = await fetch(`samples/${file}`);
      if (response.ok) open(file, await response.arrayBuffer());
      else fail(`${file}: the server answered ${response.status}.`);
    });
    group.append(button);
  }
  setUpCamera(take, fail);
}

function setUpCamera(take, fail) {
  const [dialog, video] = [byId("camera-dialog"), byId("camera-video")];
  let stream = null;
  const close = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  };
  byId("camera").addEventListener("click", async () => {
    if (!navigator.mediaDevices?.getUserMedia) {
      fail("This browser gives pages no camera here; choose a file instead.");
      return;
    }
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      fail(`The camera could not be opened: ${error.message || error.name}.`);
      return;
    }
    video.srcObject = stream;
    dialog.showModal();
    await video.play();
  });
  byId("camera-take").addEventListener("click", () => {
    if (!video.videoWidth) return;
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    dialog.close();
    canvas.toBlob((blob) => take(new File([blob], "camera.png", { type: "image/png" })), "image/png");
  });
  byId("camera-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", close);
}
