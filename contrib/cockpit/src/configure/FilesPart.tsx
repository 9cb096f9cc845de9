// The text of the files: the same draft as the forms, for whoever would rather write.

import { type ReactNode, useEffect, useRef } from "react";

import { Button, Label, TextArea, Title } from "../patternfly";
import { hrefOf, type Place } from "../place";
import { useText } from "../text";
import { AddSection } from "./AddSection";
import { useDesk } from "./desk";
import { changedFiles } from "./draft";
import { Problems } from "./Section";
import { useTyped } from "./typed";

export function FilesPart({ place }: { place: Place }): ReactNode {
    const text = useText();
    const { draft, state } = useDesk();
    const changed = changedFiles(state);
    const names = [...new Set([...Object.keys(state.files), ...changed])].sort();
    const file = place.path[1] || names.find((name) => name === "cluster.conf") || names[0] || "";
    return (
        <div className="sf-beside">
            <div className="sf-stack">
                <nav aria-label={text("files")} className="sf-incidents">
                    <ul>
                        {names.map((name) => (
                            <li key={name}>
                                <a
                                    href={hrefOf("configuration", ["files", name])}
                                    {...(name === file ? { "aria-current": "true" as const } : {})}
                                >
                                    <span className="sf-line">
                                        <code>{name}</code>
                                        {changed.includes(name) && (
                                            <Label isCompact variant="outline" color="orange">
                                                {text(fate(state, name))}
                                            </Label>
                                        )}
                                        {state.found?.some((one) => one.file === name && !one.warning) && (
                                            <Label isCompact status="danger">
                                                {text("file-wrong")}
                                            </Label>
                                        )}
                                    </span>
                                </a>
                            </li>
                        ))}
                    </ul>
                </nav>
                <AddSection word="add-file" standard="units/web.target" add={(name) => draft.write(name, "")} />
            </div>
            {file in state.files && <OneFile key={file} file={file} line={Number(place.options.line ?? 0)} />}
            {!(file in state.files) && <p>{text("file-gone", { file })}</p>}
        </div>
    );
}

function fate({ original, files }: { original: Readonly<Record<string, string>> | null; files: Readonly<Record<string, string>> }, name: string) {
    if (!(name in files)) return "file-removed" as const;
    return original !== null && name in original ? ("file-changed" as const) : ("file-new" as const);
}

interface FileProps {
    file: string;
    line: number; // where to look at first, 0 = nowhere in particular
}

function OneFile({ file, line }: FileProps): ReactNode {
    const text = useText();
    const { draft, state } = useDesk();
    const found = state.found?.filter((one) => one.file === file) ?? [];
    return (
        <div className="sf-stack">
            <Title headingLevel="h2" size="md">
                <code>{file}</code>
            </Title>
            {draft.isSecret(file) ? <p>{text("file-hidden", { file })}</p> : <Text file={file} line={line} />}
            <div aria-live="polite" className="sf-stack">
                <Problems found={found} />
            </div>
            {state.mayNot === null && (
                <span>
                    <Button variant="link" isInline isDanger onClick={() => draft.remove(file)}>
                        {text("remove-file", { file })}
                    </Button>
                </span>
            )}
        </div>
    );
}

function Text({ file, line }: FileProps): ReactNode {
    const { draft, state } = useDesk();
    const typed = useTyped(state.files[file] ?? "", (value) => draft.write(file, value));
    const area = useRef<HTMLTextAreaElement>(null);
    useEffect(() => {
        if (line > 0 && area.current) showLine(area.current, line);
    }, [line]);
    return (
        <TextArea
            ref={area}
            aria-label={file}
            className="sf-text"
            value={typed.shown}
            onChange={(_, value) => typed.change(value)}
            onBlur={typed.leave}
            {...(state.mayNot === null ? {} : { readOnlyVariant: "default" as const })}
            rows={Math.min(40, Math.max(12, typed.shown.split("\n").length + 1))}
            resizeOrientation="vertical"
            spellCheck={false}
            wrap="off"
            lang="en"
        />
    );
}

function showLine(area: HTMLTextAreaElement, line: number): void {
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    area.scrollTop = (area.scrollHeight / Math.max(lines.length, 1)) * Math.max(0, line - 5);
}
