// Why a question was not answered, in words for whoever asked it.

import type { ReactNode } from "react";

import type { Problem as Known } from "./cluster/console";
import { Sentence } from "./overview/Sentence";
import { Alert } from "./patternfly";
import { useText } from "./text";

/** `title`: what was not done. */
export function Problem({ problem, title }: { problem: Known; title: string }): ReactNode {
    const text = useText();
    return (
        <Alert component="h2" variant={problem.kind === "refused" ? "danger" : "warning"} isInline title={title}>
            {problem.kind === "older" && <p>{text("console-older")}</p>}
            {problem.kind === "cut" && <p>{text("console-cut")}</p>}
            {problem.kind === "refused" && (
                <p>
                    <Sentence>{problem.sentence}</Sentence>
                </p>
            )}
        </Alert>
    );
}
