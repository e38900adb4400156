// The exhibits as tabs: arrow keys, Home and End move between them.

/** `onShow(name, byVisitor)` is called when one is shown; the answer shows one by its name. */
export function setUpTabs(onShow) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const nameOf = (tab) => tab.getAttribute("aria-controls");
  const show = (chosen, byVisitor) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(nameOf(tab)).hidden = !on;
    }
    // On a phone the row of tabs may be wider than the window.
    if (byVisitor) chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
    const name = nameOf(chosen);
    document.getElementById("pictures").hidden = name === "gap" || name === "story";
    onShow(name, byVisitor);
  };
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => show(tab, true));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = tabs.at(to % tabs.length);
      show(next, true);
      next.focus();
    });
  }
  return (name, byVisitor = false) => show(tabs.find((tab) => nameOf(tab) === name) ?? tabs[0], byVisitor);
}
