const root = document.documentElement;
const redraws = [];
const themes = ["system", "light", "dark"];
const themeButton = document.getElementById("theme");
let theme = 0;
themeButton.addEventListener("click", () => {
  theme = (theme + 1) % themes.length;
  if (theme === 0) { delete root.dataset.theme; } else { root.dataset.theme = themes[theme]; }
  themeButton.textContent = "Theme: " + themes[theme];
  redraws.forEach((f) => f());
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach((f) => f()));

const element = (tag, text, cls) => {
  const e = document.createElement(tag);
  if (text !== undefined) { e.textContent = text; }
  if (cls) { e.className = cls; }
  return e;
};

// Bounds of one frame: signs and arrows drawn, however many events there are.
const MOST_SIGNS = 3000, MOST_ARROWS = 1500, MOST_HEIGHT = 8e6;
const ROW = 22, HEAD = 26, BLOCK = 512, PAGE = 50;

