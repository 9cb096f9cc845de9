// The buttons: what is wanted most often in sight, the rest in a menu beside it.

import { type ReactNode, useContext, useState } from "react";

import { ROOT } from "../cluster/objects";
import type { GroupView, NodeView, View } from "../cluster/view";
import { Alert, Button, Divider, Dropdown, DropdownGroup, DropdownItem, DropdownList, MenuToggle } from "../patternfly";
import { useText } from "../text";
import { type Deed, isDangerous, type Verb } from "./deeds";
import { ActContext } from "./Host";

type Unplaced = Omit<Deed, "key">;
const OF_ALL_COPIES = ["start", "stop", "freeze", "thaw", "enable", "disable"] as const;

export function GroupActs({ group }: { group: GroupView }): ReactNode {
    const of = (verb: Verb): Unplaced => ({ verb, subject: group.name, of: "group", path: group.path });
    const flags = group.flags;
    const startable = group.phase === "stopped" || flags.includes("stopped") || flags.includes("held-by-administrator");
    const first: Verb = flags.includes("disabled") ? "enable" : flags.includes("frozen") ? "thaw" : startable ? "start" : "relocate";
    const verbs: readonly Verb[] = [
        startable ? "start" : "stop",
        "relocate",
        "restart",
        flags.includes("frozen") ? "thaw" : "freeze",
        flags.includes("disabled") ? "enable" : "disable",
        "drill",
    ];
    const set = group.copyOf;
    const all = (verb: Verb): Unplaced => ({ verb, subject: set?.name ?? "", of: "copies", path: set?.path ?? "" });
    const more = verbs.filter((verb) => verb !== first).map(of);
    return <Acts name={group.name} first={of(first)} more={more} copies={set ? OF_ALL_COPIES.map(all) : []} base={set?.name ?? ""} />;
}

export function NodeActs({ node, view }: { node: NodeView; view: View }): ReactNode {
    const of = (verb: Verb): Unplaced => ({ verb, subject: node.name, of: "node", path: ROOT });
    const waits = view.losses.some((loss) => loss.node === node.name);
    const service: Verb = node.standby ? "resume" : "standby";
    const first = waits ? "confirm" : service;
    const verbs: readonly Verb[] = [service, "fence", "confirm", "drill"];
    return <Acts name={node.name} first={of(first)} more={verbs.filter((verb) => verb !== first).map(of)} />;
}

export function ClusterActs({ view }: { view: View }): ReactNode {
    const of = (verb: Verb): Unplaced => ({ verb, subject: "", of: "cluster", path: ROOT });
    if (view.term === 0) return null;
    return view.maintenance ? <Begin deed={of("normal")} name={view.cluster} /> : <Acts name={view.cluster} more={[of("maintenance")]} />;
}

/** A version that comes back by itself unless somebody keeps the one in force. */
export function Unconfirmed({ view }: { view: View }): ReactNode {
    const text = useText();
    if (view.unconfirmed === null) return null;
    const when = new Intl.RelativeTimeFormat(text.language).format(Math.round(view.unconfirmed.leftMs / 1000), "second");
    const of = (verb: Verb): Unplaced => ({ verb, subject: "", of: "cluster", path: ROOT });
    return (
        <Alert component="h2" variant="warning" isInline title={text("unconfirmed")}>
            <p>{text("unconfirmed-until", { when })}</p>
            <span className="sf-line">
                <Begin deed={of("keep")} name={view.cluster} />
                <Begin deed={of("take-back")} name={view.cluster} />
            </span>
        </Alert>
    );
}

function Begin({ deed, name }: { deed: Unplaced; name: string }): ReactNode {
    const text = useText();
    const begin = useContext(ActContext);
    if (begin === null) return null;
    const key = `${deed.verb} ${deed.subject}`;
    return (
        <Button
            variant="secondary"
            size="sm"
            isDanger={isDangerous(deed as Deed)}
            aria-label={text("act-on", { action: text(`act-${deed.verb}`), name })}
            data-act={key}
            onClick={() => begin({ ...deed, key })}
        >
            {text(`act-${deed.verb}`)}
        </Button>
    );
}

interface Offered {
    name: string;
    first?: Unplaced;
    more: readonly Unplaced[];
    copies?: readonly Unplaced[];
    base?: string;
}

function Acts({ name, first, more, copies = [], base = "" }: Offered): ReactNode {
    const text = useText();
    const begin = useContext(ActContext);
    const [open, setOpen] = useState(false);
    if (begin === null) return null;
    const key = `more ${name}`;
    const item = (deed: Unplaced) => (
        <DropdownItem
            key={`${deed.of} ${deed.verb}`}
            isDanger={isDangerous(deed as Deed)}
            onClick={() => {
                setOpen(false);
                begin({ ...deed, key });
            }}
        >
            {text(`act-${deed.verb}`)}
        </DropdownItem>
    );
    return (
        <span className="sf-acts">
            {first && <Begin deed={first} name={name} />}
            <Dropdown
                isOpen={open}
                onOpenChange={setOpen}
                shouldFocusFirstItemOnOpen
                shouldFocusToggleOnSelect={false}
                popperProps={{ position: "end", appendTo: "inline" }}
                toggle={(ref) => (
                    <MenuToggle
                        ref={ref}
                        variant="plain"
                        size="sm"
                        isExpanded={open}
                        aria-label={text("more-actions", { name })}
                        data-act={key}
                        onClick={() => setOpen(!open)}
                    >
                        <span aria-hidden="true">⋮</span>
                    </MenuToggle>
                )}
            >
                <DropdownList>{more.map(item)}</DropdownList>
                {copies.length > 0 && (
                    <>
                        <Divider component="li" />
                        <DropdownGroup label={text("all-copies", { name: base })}>
                            <DropdownList>{copies.map(item)}</DropdownList>
                        </DropdownGroup>
                    </>
                )}
            </Dropdown>
        </span>
    );
}
