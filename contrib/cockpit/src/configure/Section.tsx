// The frame around the form of one thing: its name, what is wrong with it as a whole, the way to its text, and away with it.

import type { ReactNode } from "react";

import { Sentence } from "../overview/Sentence";
import { Alert, Button, Card, CardBody, CardTitle } from "../patternfly";
import { hrefOf } from "../place";
import { useText } from "../text";
import { useDesk } from "./desk";
import { about, type Found } from "./form";

interface FrameProps {
    kind: string; // what it is, for whoever looks for it
    name: string;
    at: { file: string; line: number | null };
    remove?: () => void;
    level?: "h2" | "h3"; // of its heading
    children: ReactNode;
}

export function Frame({ kind, name, at, remove, level = "h2", children }: FrameProps): ReactNode {
    const text = useText();
    const { state } = useDesk();
    const title = `${kind}-${name}`;
    return (
        <Card component="section" aria-labelledby={title} data-kind={kind} data-name={name}>
            <CardTitle component={level}>
                <span className="sf-line">
                    <span className="sf-grow" id={title}>
                        {name}
                    </span>
                    <TextLink {...at} />
                    {remove && state.mayNot === null && (
                        <Button variant="link" isInline isDanger aria-label={text("remove-named", { name })} onClick={remove}>
                            {text("remove")}
                        </Button>
                    )}
                </span>
            </CardTitle>
            <CardBody className="sf-stack">
                <Problems found={about(state.found, [at])} />
                {children}
            </CardBody>
        </Card>
    );
}

/** The text of the files is never further away than this; of a file that is not there only its name. */
export function TextLink({ file, line }: { file: string; line: number | null }): ReactNode {
    const text = useText();
    const { state } = useDesk();
    const said = text("text-of", { file: line ? `${file}:${line}` : file });
    if (!(file in state.files)) return <span className="sf-quiet">{said}</span>;
    return (
        <a className="sf-quiet" href={hrefOf("configuration", ["files", file], line ? { line: String(line) } : {})}>
            {said}
        </a>
    );
}

export function Problems({ found }: { found: readonly Found[] }): ReactNode {
    return found.map(({ file, line, text: said, warning }) => (
        <Alert
            key={`${file}:${line}:${said}`}
            component="h3"
            variant={warning ? "warning" : "danger"}
            isInline
            isPlain
            title={<Sentence>{said}</Sentence>}
        >
            <TextLink file={file} line={line} />
        </Alert>
    ));
}
