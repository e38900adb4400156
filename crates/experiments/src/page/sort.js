// A click on a head sorts its table by that column: numbers by value, words as people order them; again, the other way.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const upward = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", upward ? "ascending" : "descending");
      const text = (row) => row.cells[column].textContent;
      const order = (a, b) => {
        const difference = Number(text(a)) - Number(text(b));
        return Number.isNaN(difference)
          ? text(a).localeCompare(text(b), "en", { numeric: true })
          : difference;
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => (upward ? order(a, b) : order(b, a))));
    });
  });
}
