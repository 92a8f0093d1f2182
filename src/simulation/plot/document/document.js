for (const charts of document.querySelectorAll(".charts")) {
  const readings = JSON.parse(charts.querySelector(".readings").textContent);
  const output = charts.querySelector(".reading");
  const pictures = [...charts.querySelectorAll("svg.chart")];
  const count = Math.max(1, ...readings.groups.flatMap((group) => group.parts.map((part) => part.values.length)));
  const hidden = new Set();
  let place = -1;

  const clock = (seconds) => {
    const whole = Math.round(seconds);
    const parts = [[Math.floor(whole / 3600), "h"], [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
    return parts.filter(([value], at) => value > 0 || (at === 2 && whole < 60)).map((part) => part.join(" ")).join(" ");
  };

  const figure = (value) => value === null ? "–" : value.toLocaleString("en-US");

  const show = (next) => {
    place = Math.max(0, Math.min(count - 1, next));
    const share = (place + 0.5) / count;
    for (const picture of pictures) {
      const [left, right] = [Number(picture.dataset.left), Number(picture.dataset.right)];
      const line = picture.querySelector(".cursor");
      const x = left + share * (right - left);
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      line.setAttribute("visibility", "visible");
    }
    const said = [`at ${clock(share * readings.seconds)}`];
    for (const group of readings.groups.filter(({ name }) => !hidden.has(name))) {
      const parts = group.parts.map((part) => `${part.before}${figure(part.values[place])}${part.after}`);
      said.push(`${group.name} ${parts.join(", ")}`.trim());
    }
    output.replaceChildren(...said.map((text) => {
      const span = document.createElement("span");
      span.textContent = `${text}; `;
      return span;
    }));
  };

  for (const picture of pictures) {
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect();
      const [left, right] = [Number(picture.dataset.left), Number(picture.dataset.right)];
      const x = (event.clientX - box.left) / box.width * picture.viewBox.baseVal.width;
      show(Math.floor((x - left) / (right - left) * count));
    });
  }
  charts.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageDown: 15, PageUp: -15, Home: -count, End: count };
    const step = (steps[event.key] ?? 0) * (event.shiftKey ? 5 : 1);
    if (step !== 0) {
      event.preventDefault();
      show(place + step);
    }
  });
  for (const legend of charts.closest("section").querySelectorAll(".legend")) {
    // A legend within a figure is that of its series only.
    const scope = legend.closest("figure") ?? charts;
    legend.addEventListener("change", (event) => {
      const { checked, dataset } = event.target;
      if (scope === charts) {
        hidden[checked ? "delete" : "add"](dataset.name);
      }
      for (const series of scope.querySelectorAll(".series")) {
        if (series.dataset.name === dataset.name) {
          series.style.display = checked ? "" : "none";
        }
      }
    });
  }
}
