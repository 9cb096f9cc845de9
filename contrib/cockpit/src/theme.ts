// Light or dark, as chosen in Cockpit's shell, or else as the browser says; also when that changes.

const CHOICE = "shell:style"; // in localStorage, as Cockpit's shell writes it: auto, light or dark

export function isDark(choice: string | null, browser: boolean): boolean {
    return choice === "dark" || (choice !== "light" && browser);
}

export function followTheme(root: HTMLElement, window: Window): void {
    const browser = window.matchMedia("(prefers-color-scheme: dark)");
    const show = (choice = window.localStorage.getItem(CHOICE)) =>
        root.classList.toggle("pf-v6-theme-dark", isDark(choice, browser.matches));
    show();
    browser.addEventListener("change", () => show());
    window.addEventListener("storage", (event) => event.key === CHOICE && show());
    window.addEventListener("cockpit-style", (event) => show((event as CustomEvent<{ style: string }>).detail.style));
}
