// What a page says, as text.

import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";

import { NowContext, TextContext, textIn } from "../src/text";

export const NOW = Date.parse("2026-01-01T00:05:00Z");

export function markup(page: ReactNode, language = "en"): string {
    return renderToStaticMarkup(
        <TextContext.Provider value={textIn(language)}>
            <NowContext.Provider value={NOW}>{page}</NowContext.Provider>
        </TextContext.Provider>,
    );
}

export function said(page: ReactNode, language = "en"): string {
    return plain(markup(page, language));
}

export function plain(html: string): string {
    return html
        .replace(/<svg.*?<\/svg>/gs, "")
        .replace(/<[^>]+>/g, " ")
        .replace(/&#x27;/g, "'")
        .replace(/&quot;/g, '"')
        .replace(/&gt;/g, ">")
        .replace(/&lt;/g, "<")
        .replace(/&amp;/g, "&")
        .replace(/\s+/g, " ");
}
