// The votes as a sum that one can check.

import { Card, CardBody, CardTitle, List, ListItem } from "../patternfly";
import type { ReactNode } from "react";

import type { View } from "../cluster/view";
import { sentences, type Text, useText } from "../text";
import { Sentence } from "./Sentence";

export function Quorum({ view: { quorum } }: { view: View }): ReactNode {
    const text = useText();
    return (
        <Card component="section" aria-labelledby="quorum">
            <CardTitle component="h2">
                <span id="quorum">{text("quorum")}</span>
            </CardTitle>
            <CardBody>
                {quorum === null ? (
                    <p>{text("quorum-unknown")}</p>
                ) : (
                    <List isPlain>
                        <ListItem>{sum(text, quorum)}</ListItem>
                        {quorum.Arbiter && (
                            <ListItem>
                                {text("arbiter", { what: arbiter(text, quorum.Arbiter, quorum.ArbiterState ?? "") })}
                            </ListItem>
                        )}
                        <ListItem>{text("watchdog", { what: watchdog(text, quorum) })}</ListItem>
                        {!!quorum.Health?.length && (
                            <ListItem>
                                {text("heuristics")}{" "}
                                {quorum.Health.map(([name, score, seen]) => (
                                    <Sentence key={name}>{text("heuristics-score", { name, score, seen })}</Sentence>
                                ))}
                            </ListItem>
                        )}
                    </List>
                )}
            </CardBody>
        </Card>
    );
}

type Numbers = NonNullable<View["quorum"]>;

function sum(text: Text, quorum: Numbers): string {
    const [votes, expected, needed] = [quorum.Votes ?? 0, quorum.ExpectedVotes ?? 0, quorum.QuorumVotes ?? 0];
    const spare = votes - needed;
    const said = text("quorum-sum", { votes, expected, needed });
    if (spare < 0) return sentences(text, said, text("quorum-missing", { missing: -spare }));
    return sentences(text, said, spare ? text("quorum-spare", { spare }) : text("quorum-last"));
}

function arbiter(text: Text, host: string, state: string): string {
    return text(state === "votes" ? "arbiter-votes" : state === "away" ? "arbiter-away" : "arbiter-silent", { host });
}

function watchdog(text: Text, quorum: Numbers): string {
    if (!quorum.WatchdogArmed) return text("watchdog-none");
    const seconds = (quorum.WatchdogTimeout ?? 0) / 1000;
    return text("watchdog-armed", { device: quorum.Watchdog ?? "", seconds });
}
