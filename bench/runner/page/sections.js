// What the page says, from top to bottom.

const percentiles = [["p50", "latency_p50_micros"], ["p95", "latency_p95_micros"],
                     ["p99", "latency_p99_micros"], ["p99.9", "latency_p999_micros"]];
const spaced = name => name.replaceAll("-", " ").replaceAll("_", " ");
const number = value => value.toLocaleString("en");
// What differs between the contenders is in their names.
const counted = (value, what) => typeof value === "number" ? `${number(value)} ${value === 1 ? what.replace(/s\b/, "") : what}` : "";
const titleOf = series => series.name || `${series.scenario}, ${series.transport}`;

function interval(r) {
  return r.low === null ? "too few rounds" : `${digits(r.low)} to ${digits(r.high)}`;
}

// Programs and their peers tell what they count; else it is bytes.
const singular = { connections: "connection", requests: "request", replies: "reply", deliveries: "delivery" };
const oneOf = series => singular[series.counts] ?? "byte";
const capital = text => text[0].toUpperCase() + text.slice(1);
const costOf = series => oneOf(series) === "byte" ? "cpu_ns_per_byte" : "cpu_micros_per_stream";
const costs = series => series.ratios.filter(r => r.metric === costOf(series)
                                                  && r.side === (series.split ? "service" : "all"));
const basesOf = rows => [...new Set(rows.map(r => r.base))];

// Who takes least, and whether that is more than chance.
function verdict(rows) {
  const least = rows.reduce((best, r) => r.median < best.median ? r : best);
  const told = `(95%: ${interval(least)})`;
  if (least.low === null) {
    return `Too few rounds to say who wins; least, if anything: ${least.median < 1 ? least.contender : least.base}.`;
  }
  if (least.high < 1) {
    return `${least.contender} takes least: ${digits(least.median)} of the CPU of ${least.base} ${told}.`;
  }
  if (least.low > 1) {
    return `${least.base} takes least. Next is ${least.contender}: ${digits(least.median)} of it ${told}.`;
  }
  return `None is told apart from ${least.base} as the one that takes least. Nearest: ${least.contender}, `
    + `${digits(least.median)} of it ${told}.`;
}

function headline(series) {
  const rows = costs(series);
  if (rows.length === 0) return [];
  return basesOf(rows).map(base => {
    const of = rows.filter(r => r.base === base);
    return card(`${spaced(titleOf(series))}: CPU per ${oneOf(series)}, to ${base}`, "Left of the line is less, and better.",
      element("p", { class: "winner" }, verdict(of)), forest(`ratio ${titleOf(series)} ${base}`, of),
      table(["", "median", "least", "most", "95% interval"], of.map(r => [named(r.contender),
        digits(r.median), digits(r.min), digits(r.max), interval(r)])));
  });
}

const listOf = (series, metric, scale) => Object.entries(series.contenders)
  .filter(([, of]) => of[metric]).map(([label, of]) => ({ label, median: of[metric].median * scale,
    least: of[metric].least * scale, most: of[metric].most * scale }));

function measure(series, title, note, metric, unit, scale) {
  const list = listOf(series, metric, scale);
  if (list.length === 0) return [];
  return [card(title, note, bars(`${title} ${titleOf(series)}`, list, unit),
    table(["", "median", "least", "most"], list.map(c =>
      [named(c.label), digits(c.median), digits(c.least), digits(c.most)])))];
}

function latencies(series) {
  const shown = percentiles.filter(([, key]) => listOf(series, key, 1).length > 0);
  if (shown.length === 0) return [];
  const of = (contender, key) => contender[key] && { median: contender[key].median / 1000,
    low: contender[key].least / 1000, high: contender[key].most / 1000 };
  const list = Object.entries(series.contenders).map(([label, contender]) =>
    ({ label, points: shown.map(([, key]) => of(contender, key) ?? null) }));
  const most = Math.max(...list.flatMap(one => one.points.map(p => p ? p.high : 0)));
  const text = p => p ? element("span", {}, digits(p.median),
    element("small", {}, `${digits(p.low)} to ${digits(p.high)}`)) : "too few";
  return [card("Latency", (series.counts ? `Of one ${oneOf(series)}, as its client sees it` :
      "From the start of a connection to its last byte at the sink") + "; lower is better. "
    + "Medians of the runs, from the least to the most. A percentile is shown where ten connections of "
    + "each run lie beyond it.",
    lines(`latency ${titleOf(series)}`, shown.map(([name]) => name), list, () => ({
      x: axis("", { offset: true }), y: axis("ms", { beginAtZero: true, suggestedMax: most }) })),
    table(["ms", ...shown.map(([name]) => name)], list.map(one => [named(one.label), ...one.points.map(text)])))];
}

// What there is only of programs and their peers.
function counts(series) {
  if (!series.counts) return [];
  const [name, unit] = [capital(series.counts), `${series.counts}/s`];
  return [...oneOf(series) === "byte" ? [] : [
    ...measure(series, `${name} a second`, "Higher is better.", "streams_per_sec", unit, 1),
    ...series.counts !== "deliveries" ? [] : measure(series, `${name} a second of CPU`,
      "Higher is better. Of the server's processor time alone.", "streams_per_cpu_second", unit, 1)],
    ...measure(series, "Memory of an idle connection", "Of the process, without the kernel's; lower is better.",
               "idle_bytes_per_connection", "KiB", 1 / 1024)];
}

function section(series) {
  const whose = series.counts ? "of the program or its peer, without clients and servers"
    : series.split ? "of the service" : "of the whole process: clients, proxy and sinks";
  const short = series.least_seconds !== null && series.least_seconds < data.shortest
    ? [element("p", { class: "warning" }, `A run took only ${digits(series.least_seconds)} s: this measures little.`)]
    : [];
  return [element("h2", {}, spaced(titleOf(series))),
    element("p", {}, [series.scenario, series.transport, counted(series.connections, "connections"),
      counted(series.tunnel_bytes, "bytes a tunnel"), spaced(series.completion ?? ""), `${series.runs} runs in turn`,
      series.counts ? "" : series.split ? "service and driver apart" : "one process"].filter(text => text).join(", ")), ...short,
    element("div", { class: "cards" },
      ...measure(series, "Throughput", "Higher is better.", "mib_per_sec", "MiB/s", 1),
      ...counts(series),
      ...measure(series, `CPU per ${oneOf(series)}`, `${capital(whose)}; lower is better.`, costOf(series),
                 costOf(series) === "cpu_ns_per_byte" ? "ns/byte" : `us/${oneOf(series)}`, 1),
      ...latencies(series),
      ...measure(series, "Memory", `The most that was resident, ${whose}; lower is better.`, "max_rss_bytes",
                 "MiB", 1 / 1048576))];
}

// How often each takes less, by its whole interval.
function countCells(rows) {
  const { base } = rows[0];
  return [...new Set(rows.filter(r => r.base === base).map(r => r.contender))].map(name => {
    const of = rows.filter(r => r.contender === name && r.base === base && r.low !== null);
    const less = of.filter(r => r.high < 1).length, more = of.filter(r => r.low > 1).length;
    return `${name} takes less CPU than ${base} in ${less} of ${of.length} cells, more in ${more}; `
      + `in ${of.length - less - more} they are not told apart.`;
  });
}

// A chart a size of frame: CPU per byte to the base's, over the number of connections.
function cells(scenario) {
  const of = data.cells.filter(cell => cell.scenario === scenario);
  const names = [...new Set(of.flatMap(cell => Object.keys(cell.contenders)))];
  return [...new Set(of.map(cell => cell.frame_size))].sort((a, b) => a - b).map(frame => {
    const row = of.filter(cell => cell.frame_size === frame).sort((a, b) => a.connections - b.connections);
    const base = row.flatMap(costs)[0]?.base;
    const ratio = (cell, name) => costs(cell).find(r => r.contender === name && r.base === base) ?? null;
    const cost = (cell, name) => cell.contenders[name]?.cpu_ns_per_byte;
    const list = base
      ? names.filter(name => name !== base).map(label => ({ label, points: row.map(cell => ratio(cell, label)) }))
      : names.map(label => ({ label, points: row.map(cell => cost(cell, label)
          ? { median: cost(cell, label).median, low: cost(cell, label).least, high: cost(cell, label).most }
          : null) }));
    const edges = list.flatMap(one => one.points.flatMap(p => p ? [p.median, p.low, p.high] : []));
    const scales = () => ({ x: axis("connections", { offset: true }), y: base
      ? logarithmic(edges, `times ${base}`) : axis("ns/byte", { beginAtZero: true, suggestedMax: Math.max(...edges) }) });
    return card(`Frames of ${number(frame)} bytes`, base
      ? `CPU per byte to ${base}'s in the same round, with the 95% interval; below the line at 1 is less. The table has ns/byte.`
      : "CPU per byte; lower is better.",
      lines(`cells ${scenario} ${frame}`, row.map(cell => number(cell.connections)), list, scales,
            base ? { lineAt: 1 } : {}),
      table(["ns/byte", ...row.map(cell => number(cell.connections))], names.map(name => [named(name),
        ...row.map(cell => {
          const r = ratio(cell, name);
          return cost(cell, name) ? digits(cost(cell, name).median) + (r ? ` (${digits(r.median)})` : "") : "";
        })])));
  });
}

function targets() {
  if (data.targets.length === 0) return [];
  const aim = data.targets.some(row => row.stretch !== null) ? "to be (stretch)" : "to be";
  return [element("h2", {}, "What it is to be"),
    element("p", {}, "Ratios of medians in one run. Met: the whole 95% interval reaches what it is to be. "
      + "Within the interval: only a part does."),
    element("div", { class: "card" }, table(["", "measured", "95% interval", aim, ""],
      data.targets.map(row => [
        element("span", { class: "wraps" }, `${row.what}, `, named(row.contender), row.base ? ` / ${row.base}` : ""),
        digits(row.median), row.low === null ? "" : `${digits(row.low)} to ${digits(row.high)}`,
        row.to_be === null ? "" : `${row.better === "more" ? "≥" : "≤"} ${row.to_be}`
          + (row.stretch === null ? "" : ` (${row.stretch})`), row.verdict])))];
}

function loneFrames() {
  if (data.latency.length === 0) return [];
  return [element("h2", {}, "Lone frames"), element("div", { class: "cards" },
    card("Median latency", "Of a frame from a client to a sink; lower is better. The line across a bar goes from "
      + "the least to the most of the runs.", bars("lone frames", data.latency, "us"),
      table(["us", "median", "least", "most"], data.latency.map(c =>
        [named(c.label), digits(c.median), digits(c.least), digits(c.most)]))))];
}

function where() {
  const known = Object.fromEntries(data.environment);
  const of = ["cpu", "cores", "kernel", "congestion_control", "pinning", "load_before", "load_after"];
  return of.filter(key => known[key]).map(key => `${spaced(key)}: ${known[key]}`).join("; ");
}

function build() {
  const page = document.getElementById("page");
  page.append(element("h1", {}, data.title), element("p", { id: "where" }, where()),
    element("p", {}, "Figures of one machine and one time: ratios within the page mean something, digits elsewhere do not."));
  const heads = data.series.flatMap(headline);
  const scenarios = [...new Set(data.cells.map(cell => cell.scenario))];
  if (heads.length > 0 || data.cells.some(cell => costs(cell).length > 0)) {
    page.append(element("h2", {}, "Who wins"));
    for (const scenario of scenarios) {
      const rows = data.cells.filter(cell => cell.scenario === scenario).flatMap(costs);
      for (const text of rows.length ? countCells(rows) : []) {
        page.append(element("p", { class: "winner" }, `${spaced(scenario)}: ${text}`));
      }
    }
    page.append(element("div", { class: "cards" }, ...heads));
  }
  page.append(...targets());
  for (const series of data.series) page.append(...section(series));
  for (const scenario of scenarios) {
    page.append(element("h2", {}, `${scenario}, by connections and size of frame`),
                element("p", {}, "Each chart has an axis of its own."),
                element("div", { class: "cards" }, ...cells(scenario)));
  }
  page.append(...loneFrames(), element("h2", {}, "What ran where"),
              element("div", { class: "card" }, table([], data.environment, "facts")));
}

function draw() {
  Chart.defaults.color = style("--soft");
  Chart.defaults.font.family = "system-ui, sans-serif";
  for (const again of drawn) again();
  document.body.dataset.charts = String(drawn.length);
}

build();
draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
