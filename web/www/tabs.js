// The exhibits as tabs: arrow keys, Home and End move between them.

export function setUpTabs(onShow) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const show = (chosen, focus) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
    }
    const name = chosen.getAttribute("aria-controls");
    document.getElementById("pictures").hidden = name === "gap";
    if (focus) chosen.focus();
    history.replaceState(null, "", `#${name}`);
    onShow(name);
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => show(tab, false));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      show(tabs.at(to % tabs.length), true);
    });
  }
  const wanted = tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash);
  if (wanted) show(wanted, false);
}
