// What every form of the configuration works with.

import { createContext, useContext } from "react";

import type { View } from "../cluster/view";
import type { Draft, State } from "./draft";
import type { Knowledge, Known } from "./knowledge";
import type { Going, Pushing } from "./pushing";

export interface Desk {
    draft: Draft;
    state: State;
    pushing: Pushing;
    going: Going;
    knowledge: Knowledge;
    known: Known;
    view: View;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
    const desk = useContext(DeskContext);
    if (desk === null) throw new Error("a form stands outside of the configuration");
    return desk;
}
