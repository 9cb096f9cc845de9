// The page's own source, read as the compiler reads it.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";

export { ts };

export function sources(folder: string): ts.SourceFile[] {
    return readdirSync(folder).flatMap((name) => {
        const path = join(folder, name);
        if (statSync(path).isDirectory()) return sources(path);
        if (!/\.tsx?$/.test(name)) return [];
        return [ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true)];
    });
}

export function nodesOf(file: ts.Node): ts.Node[] {
    const found: ts.Node[] = [file];
    ts.forEachChild(file, (child) => void found.push(...nodesOf(child)));
    return found;
}
