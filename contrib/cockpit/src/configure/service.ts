// What is tried out of a draft, before it is pushed. The answers are for whoever pressed the button, and nobody else.

import { createContext } from "react";

import { type Console, problemOf } from "../cluster/console";
import type { Files } from "./form";

const TRY_MS = 120_000;

export interface Tried {
    unit: string;
    probe: string;
    outcome: string;
    latency_ms: number | null;
    text: string;
}

export interface Service {
    testDevice(files: Files, device: string): Promise<{ answered: boolean; said: string }>;
    /** A sentence where it was not made. */
    tryProbe(files: Files, unit: string, probe: string, node: string): Promise<readonly Tried[] | string>;
}

export function serviceOver(console: Console): Service {
    return {
        async testDevice(files, device) {
            try {
                const [answered, said] = await console.ask("TestDevice", [{ ...files }, device], TRY_MS);
                return { answered, said };
            } catch (error) {
                return { answered: false, said: problemOf(error).sentence };
            }
        },
        async tryProbe(files, unit, probe, node) {
            try {
                const [document] = await console.ask("TryProbe", [{ ...files }, unit, probe, node], TRY_MS);
                return JSON.parse(document) as Tried[];
            } catch (error) {
                return problemOf(error).sentence;
            }
        },
    };
}

export const ServiceContext = createContext<Service | null>(null);
