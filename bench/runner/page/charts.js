// Elements of the page: names with their colours, tables, cards, and the charts of one shape each.

// Mostly Okabe and Ito's colours, which those who do not see all colours can tell apart. A contender
// has the same one on every page; a form of it has a lighter one.
const colours = { handoff_coroutine: "#0072b2", handoff: "#56b4e9", raw_copy: "#e69f00",
                  manual_vec: "#009e73", asio_queue: "#cc79a7", splice: "#d55e00", nginx: "#7f7f7f",
                  nginx_half_close: "#4d4d4d", sni_router: "#0072b2", connect_proxy: "#0072b2",
                  resp_router: "#0072b2", line_broadcast: "#0072b2", pipeline_client: "#0072b2",
                  haproxy: "#e69f00", tinyproxy: "#cc79a7", nutcracker: "#d55e00", redis: "#d55e00",
                  hiredis: "#d55e00", pipeline_by_hand: "#009e73",
                  broadcast_by_hand: "#009e73", forward_by_calls: "#009e73" };
const strangers = ["#332288", "#117733", "#882255", "#999933", "#aa4499", "#44aa99"];

const hash = text => [...text].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 65521, 7);

function colourOf(label) {
  const [name, ...form] = label.split(":");
  const known = colours[name] ?? strangers[hash(name) % strangers.length];
  if (form.length === 0) return known;
  const white = [0.3, 0.5, 0.7][hash(form.join()) % 3];
  const lighter = at => Math.round(parseInt(known.slice(at, at + 2), 16) * (1 - white) + 255 * white);
  return `rgb(${lighter(1)}, ${lighter(3)}, ${lighter(5)})`;
}

function digits(value) {
  if (value === null || value === undefined) return "";
  const places = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(places, 4) });
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function named(label) {
  if (label.includes("/")) return label;  // a micro benchmark
  const swatch = element("span", { class: "swatch" });
  swatch.style.background = colourOf(label);
  return element("span", {}, swatch, label);
}

function table(head, rows, kind = "") {
  const row = (cells, tag) => element("tr", {}, ...cells.map(cell => element(tag, {}, cell)));
  return element("div", { class: "scroll" }, element("table", { class: kind },
    ...(head.length ? [row(head, "th")] : []), ...rows.map(cells => row(cells, "td"))));
}

function card(title, note, ...content) {
  return element("section", { class: "card" }, element("h3", {}, title), element("p", {}, note),
                 ...content);
}

const style = name => getComputedStyle(document.documentElement).getPropertyValue(name);

// Draws from the least to the most of each point, and the line that a chart has been given. Keeps
// where: `chart.$spreads`, `chart.$line`.
const spread = {
  id: "spread",
  afterDatasetsDraw(chart) {
    const upright = chart.options.indexAxis !== "y";
    const scale = upright ? chart.scales.y : chart.scales.x;
    const { ctx, chartArea } = chart;
    const draw = (...points) => {
      ctx.beginPath();
      points.forEach(([x, y], at) => ctx[at % 2 ? "lineTo" : "moveTo"](...(upright ? [x, y] : [y, x])));
      ctx.stroke();
    };
    ctx.save();
    ctx.strokeStyle = style("--ink");
    if (chart.options.lineAt !== undefined) {
      chart.$line = scale.getPixelForValue(chart.options.lineAt);
      ctx.lineWidth = 1.5;
      ctx.setLineDash([5, 4]);
      draw(...(upright ? [[chartArea.left, chart.$line], [chartArea.right, chart.$line]]
                       : [[chartArea.top, chart.$line], [chartArea.bottom, chart.$line]]));
      ctx.setLineDash([]);
    }
    chart.$spreads = chart.data.datasets.map((dataset, number) => (dataset.spread ?? []).map((of, at) => {
      const point = chart.getDatasetMeta(number).data[at];
      if (!of || !point || point.skip) return null;
      const [low, high] = of.map(value => scale.getPixelForValue(value));
      // Side by side, and in its colour, where several lie over the same place.
      const aside = upright ? 5 * (number - (chart.data.datasets.length - 1) / 2) : 0;
      const across = (upright ? point.x : point.y) + aside;
      if (upright) ctx.strokeStyle = dataset.borderColor;
      ctx.lineWidth = 1.5;
      draw([across, low], [across, high], [across - 4, low], [across + 4, low],
           [across - 4, high], [across + 4, high]);
      return [low, high];
    }));
    ctx.restore();
  },
};

const drawn = [];  // what makes each chart again when the colours change
function chart(title, height, make) {
  const canvas = element("canvas", { role: "img", "aria-label": title });
  let made = null;
  drawn.push(() => { made?.destroy(); made = new Chart(canvas, { plugins: [spread], ...make() }); });
  const plot = element("div", { class: "plot" }, canvas);
  plot.style.height = `${height}px`;
  return plot;
}

function axis(title, more = {}) {
  return { grid: { color: style("--line"), drawBorder: false },
           title: { display: title !== "", text: title }, ...more };
}

function options(scales, tooltip, more = {}) {
  return { animation: false, responsive: true, maintainAspectRatio: false, scales,
           layout: { padding: { left: 6, right: 14, top: 8, bottom: 4 } },
           plugins: { legend: { display: false }, tooltip: { callbacks: { label: tooltip } } }, ...more };
}

// Round values from `least` to `most`, closer where that is not far.
function roundValues(least, most) {
  if (most / least < 2) {
    const step = [0.01, 0.02, 0.05, 0.1, 0.2].find(size => (most - least) / size <= 7) * 100;
    const first = Math.ceil(least * 100 / step), last = Math.floor(most * 100 / step);
    return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step / 100);
  }
  const steps = most / least > 12 ? [1, 2, 5] : most / least > 3 ? [1, 1.5, 2, 3, 5, 7]
    : [1, 1.1, 1.2, 1.3, 1.5, 1.7, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const values = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power += 1) {
    values.push(...steps.map(step => Number((step * 10 ** power).toPrecision(3))));
  }
  return values.filter(value => value >= least && value <= most);
}

// Room for all values, and for 1, on a logarithmic axis.
function logarithmic(values, title) {
  const known = [1, ...values.filter(value => value > 0)];
  const room = Math.max(1.03, (Math.max(...known) / Math.min(...known)) ** 0.08);
  const [min, max] = [Math.min(...known) / room, Math.max(...known) * room];
  return axis(title, { type: "logarithmic", min, max,
    afterBuildTicks: scale => { scale.ticks = roundValues(min, max).map(value => ({ value })); },
    ticks: { callback: value => digits(value), autoSkip: true, maxRotation: 0, autoSkipPadding: 12 } });
}

const inLines = label => label.split(":");
const categories = () => axis("", { ticks: { autoSkip: false }, grid: { display: false } });

// A bar for each of `list`: its median, and across it from the least to the most of the runs.
function bars(title, list, unit) {
  return chart(title, 54 + 40 * list.length, () => ({
    type: "bar",
    data: { labels: list.map(c => inLines(c.label)), datasets: [{
      data: list.map(c => c.median), spread: list.map(c => [c.least, c.most]),
      backgroundColor: list.map(c => colourOf(c.label)), barPercentage: 0.75, borderRadius: 3 }] },
    options: options({ y: categories(), x: axis(unit, { beginAtZero: true,
      suggestedMax: Math.max(...list.map(c => c.most)), ticks: { maxRotation: 0, autoSkipPadding: 14 } }) },
      item => `${digits(list[item.dataIndex].median)} ${unit}`, { indexAxis: "y" }) }));
}

// A point for each ratio of `list` with its interval, beside a line at 1.
function forest(title, list) {
  const edges = list.flatMap(r => [r.median, r.low, r.high]);
  return chart(title, 60 + 40 * list.length, () => ({
    type: "line",
    data: { labels: list.map(r => inLines(r.contender)), datasets: [{
      data: list.map(r => r.median), spread: list.map(r => r.low === null ? null : [r.low, r.high]),
      showLine: false, pointRadius: 6, pointHoverRadius: 7, clip: false, borderColor: style("--ink"),
      backgroundColor: list.map(r => colourOf(r.contender)),
      pointBackgroundColor: list.map(r => colourOf(r.contender)), pointBorderWidth: 0 }] },
    options: options({ y: { ...categories(), offset: true }, x: logarithmic(edges, `times ${list[0].base}`) },
      item => `${digits(list[item.dataIndex].median)}`, { indexAxis: "y", lineAt: 1 }) }));
}

// Lines over the same labels: each of `list` has `points` of { median, low, high } or null.
function lines(title, labels, list, scales, more = {}) {
  return chart(title, 250, () => ({
    type: "line",
    data: { labels, datasets: list.map(one => ({ label: one.label, borderColor: colourOf(one.label),
      backgroundColor: colourOf(one.label), pointRadius: 4, clip: false, spanGaps: true,
      data: one.points.map(p => p && p.median),
      spread: one.points.map(p => p && p.low !== null ? [p.low, p.high] : null) })) },
    options: options(scales(), item => `${item.dataset.label}: ${digits(item.parsed.y)}`, more) }));
}
