// Ways a picture comes in: a file, a drop, the clipboard, the camera, a sample.

import { byId } from "./dom.js";

export const SAMPLES = [
  ["coffee.jpg", "A cup of coffee"],
  ["chelsea.jpg", "A cat"],
  ["astronaut.jpg", "An astronaut"],
  ["rocket.jpg", "A rocket"],
  ["flower.jpg", "A flower"],
  ["china.jpg", "A temple"],
];

/**
 * Calls `open(name, bytes, sample)` for every picture that comes, `fail(message)` for other files; `sample` names a sample
 * and is null for a visitor's own picture. The answer opens a sample by its name.
 */
export function setUpSources(open, fail) {
  const take = async (file) => open(file.name || "the picture", await file.arrayBuffer(), null);
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

  const openSample = async (file, byVisitor = true) => {
    try {
      const response = await fetch(`samples/${file}`);
      if (response.ok) await open(file, await response.arrayBuffer(), file, byVisitor);
      else fail(`${file}: the server answered ${response.status}.`);
    } catch (error) {
      fail(`${file}: ${error.message}.`);
    }
  };
  const group = byId("samples");
  for (const [file, words] of SAMPLES) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.sample = file;
    const image = document.createElement("img");
    Object.assign(image, { src: `thumbnails/${file}`, alt: words, width: 96, height: 64, decoding: "async" });
    button.append(image);
    button.addEventListener("click", () => openSample(file));
    group.append(button);
  }
  setUpCamera(take, fail);
  return openSample;
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
