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
        if (!FORBIDDEN.has(name)) return [];
        const { line } = file.getLineAndCharacterOfPosition(node.getStart());
        return [`${file.fileName}:${line + 1}: ${name}`];
    });
}

test("nothing is run and nothing read but from the bus", () => {
    assert.deepEqual(sources("src").flatMap(offences), []);
});

test("the rule sees every way to say it", () => {
    const wrong = ["cockpit.spawn([])", 'cockpit["script"]("")', "const { spawn } = cockpit", "const { file: f } = cockpit", "fetch('/')"];
    for (const text of wrong) {
        const file = ts.createSourceFile("x.ts", text, ts.ScriptTarget.ES2022, true);
        assert.equal(offences(file).length, 1, text);
    }
});

test("every component comes through patternfly.ts, so that not all styles come with one", () => {
    const wrong = sources("src")
        .filter((file) => !/patternfly\.ts$|index\.tsx$/.test(file.fileName))
        .flatMap((file) => nodesOf(file).filter(ts.isImportDeclaration))
        .filter((node) => node.moduleSpecifier.getText().includes("@patternfly"));
    assert.deepEqual(wrong.map((node) => node.getText()), []);
});
