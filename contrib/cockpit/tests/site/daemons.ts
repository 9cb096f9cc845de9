// Cockpit's D-Bus for a page in a browser without Cockpit: three nodes and the console's own service, all made up.
// It is loaded before the page; `?wrong&mayNot&older&fresh&unconfirmed` make them otherwise.

import type { Cockpit } from "../../src/cockpit";
import { ROOT } from "../../src/cluster/objects";
import { FakeConsole } from "../console";
import { client, clientOf, cluster } from "../fake";
import { foreseen } from "../foreseen";
import { history, moved, powerCut } from "../incident";

const daemons = cluster();
const service = new FakeConsole();
const flags = new URLSearchParams(location.search);
service.methods["org.standfast.Console1.Timeline"] = () => [JSON.stringify(history(moved(), powerCut()))];
if (flags.has("wrong"))
    service.problems = [["cluster.conf", 6, "Id=1 is node2's already", false], ["units/webserv.target", 5, "apache2.service is enabled here", true]];
if (flags.has("mayNot")) service.refuse("Files", "an administrator's password is needed", "org.freedesktop.DBus.Error.AccessDenied");
if (flags.has("older")) service.present = false;
if (flags.has("fresh")) {
    service.fresh = true;
    service.files = { "cluster.conf": "[Cluster]\nName=cluster\n\n[Node]\nName=node1\nId=1\n" };
    for (const daemon of Object.values(daemons)) daemon.present = false;
}
if (flags.has("unconfirmed"))
    Object.assign(daemons["org.standfast.Groups"].served[ROOT]!["org.standfast.Groups1"]!, { Unconfirmed: ["d3", 245_000] });
const groups = daemons["org.standfast.Groups"];
const missing = flags.has("mayNot") ? "It needs the polkit action org.standfast.operate, which is not given to you: try again as root." : "";
Object.assign(groups.methods, {
    "org.standfast.Groups1.SimulateWish": (kind: string, subject: string) => [
        foreseen({ wish: { kind, subject, node: "node2", loss: "8.1" } }),
    ],
    "org.standfast.Groups1.MissingRights": () => [{ "org.standfast.operate": missing, "org.standfast.fence": missing }],
    "org.standfast.Groups1.Explain": () => [JSON.stringify({ explanations: [] })],
    "org.standfast.Group1.Relocate": () => [],
});

const others = client(daemons);
const bus: Cockpit = { dbus: (name) => (name === service.name ? clientOf(service) : others(name as keyof typeof daemons)) };
Object.assign(globalThis, { cockpit: bus, service, daemons });
