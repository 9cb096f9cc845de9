// Makes dist/ with esbuild, or with --tests dist/tests/: the page's files, as Cockpit serves them.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const tests = process.argv.includes("--tests");
const common = { bundle: true, jsx: "automatic", target: "es2022", logLevel: "warning" };
if (tests) {
    rmSync("dist/tests", { recursive: true, force: true });
    await build({
        ...common,
        entryPoints: readdirSync("tests").filter((name) => /\.test\.tsx?$/.test(name)).map((name) => `tests/${name}`),
        outdir: "dist/tests",
        platform: "node",
        format: "esm",
        outExtension: { ".js": ".mjs" },
        packages: "bundle",
        external: ["typescript", "playwright-core"],
        banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
        loader: { ".css": "empty" },
    });
    await page("dist/tests/site");
    await build({ ...common, entryPoints: ["tests/site/daemons.ts"], outfile: "dist/tests/site/cockpit.js" });
    const html = readFileSync("index.html", "utf8").replace("../base1/cockpit.js", "cockpit.js");
    writeFileSync("dist/tests/site/index.html", html);
} else {
    rmSync("dist", { recursive: true, force: true });
    await page("dist");
    for (const name of ["index.html", "manifest.json"]) cpSync(name, `dist/${name}`);
    for (const file of ["dist/index.js", "dist/index.css"]) {
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 })); // Cockpit sends it as it is
        rmSync(file);
    }
}

async function page(outdir) {
    await build({
        ...common,
        entryPoints: ["src/index.tsx"],
        outdir,
        minify: true,
        define: { "process.env.NODE_ENV": '"production"' },
        legalComments: "linked",
        loader: { ".woff2": "file", ".woff": "file", ".ttf": "file", ".svg": "file", ".jpg": "empty", ".png": "empty" },
        assetNames: "assets/[name]-[hash]",
    });
}
