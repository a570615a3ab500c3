// Makes each table sortable by the buttons that it puts into the header; without scripts the tables stay as they are.
const UNITS = { s: 1, min: 60, h: 3600, kB: 1e3, MB: 1e6 };

function valueOf(cell, isNumber) {
  const text = cell.textContent.trim();
  if (!isNumber) return text;
  const [, number, unit] = /(-?[\d.]+)\s*(\S*)/.exec(text.replaceAll(",", "").replaceAll("\u2212", "-")) ?? [];
  return number === undefined ? null : Number(number) * (UNITS[unit] ?? 1);
}

function compared(a, b) {
  return typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
}

function sort(table, column) {
  const head = table.tHead.rows[0].cells[column];
  const isNumber = head.classList.contains("number");
  const first = isNumber ? "descending" : "ascending", second = isNumber ? "ascending" : "descending";
  const order = head.getAttribute("aria-sort") === first ? second : first;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", order);
  const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[column], isNumber), row]);
  const known = rows.filter(([value]) => value !== null), unknown = rows.filter(([value]) => value === null);
  known.sort(([a], [b]) => (order === "ascending" ? compared(a, b) : compared(b, a)));
  table.tBodies[0].append(...[...known, ...unknown].map(([, row]) => row));
}

for (const table of document.querySelectorAll("table")) {
  if (table.tBodies[0].rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, column));
    head.append(button);
  });
}
