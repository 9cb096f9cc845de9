import assert from "node:assert/strict";
import { test } from "node:test";

import { nodesOf, sources, ts } from "./sources";

// The page is a client on the bus as the command line is: it runs nothing, reads no file and polls nothing.
const FORBIDDEN = new Set(["spawn", "script", "file", "http", "channel", "addChannel", "eval", "Function", "WebSocket", "fetch"]);
FORBIDDEN.add("XMLHttpRequest");

function offences(file: ts.SourceFile): string[] {
    return nodesOf(file).flatMap((node) => {
        const name = ts.isPropertyAccessExpression(node)
            ? node.name.text
            : ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)
              ? node.argumentExpression.text
              : ts.isCallExpression(node) && ts.isIdentifier(node.expression)
                ? node.expression.text
                : ts.isBindingElement(node) && ts.isIdentifier(node.propertyName ?? node.name)
                  ? (node.propertyName ?? node.name).getText()
                  : "";
        if (!FORBIDDEN.has(name) || (name === "file" && isValue(node))) return [];
        const { line } = file.getLineAndCharacterOfPosition(node.getStart());
        return [`${file.fileName}:${line + 1}: ${name}`];
    });
}

/** Files of the configuration have that name as well: a value that is neither called nor of Cockpit's. */
function isValue(node: ts.Node): boolean {
    if (ts.isPropertyAccessExpression(node)) {
        const called = ts.isCallExpression(node.parent) && node.parent.expression === node;
        return !called && !/\bcockpit$/.test(node.expression.getText());
    }
    const declared = ts.isBindingElement(node) && ts.isVariableDeclaration(node.parent.parent) ? node.parent.parent : null;
    return ts.isBindingElement(node) && !/\bcockpit$/.test(declared?.initializer?.getText() ?? "");
}

test("nothing is run and nothing read but from the bus", () => {
    assert.deepEqual(sources("src").flatMap(offences), []);
});

test("the rule sees every way to say it", () => {
    const wrong = ["cockpit.spawn([])", 'cockpit["script"]("")', "const { spawn } = cockpit", "const { file: f } = cockpit", "fetch('/')"];
    wrong.push("const f = cockpit.file", "other.file('/etc/passwd')", "const { file } = window.cockpit");
    for (const text of wrong) {
        const file = ts.createSourceFile("x.ts", text, ts.ScriptTarget.ES2022, true);
        assert.equal(offences(file).length, 1, text);
    }
});

test("a file of the configuration is none of Cockpit's", () => {
    const right = ts.createSourceFile("x.ts", "function f({ file }: One) { return one.file + file }", ts.ScriptTarget.ES2022, true);
    assert.deepEqual(offences(right), []);
});

test("every component comes through patternfly.ts, so that not all styles come with one", () => {
    const wrong = sources("src")
        .filter((file) => !/patternfly\.ts$|index\.tsx$/.test(file.fileName))
        .flatMap((file) => nodesOf(file).filter(ts.isImportDeclaration))
        .filter((node) => node.moduleSpecifier.getText().includes("@patternfly"));
    assert.deepEqual(wrong.map((node) => node.getText()), []);
});
