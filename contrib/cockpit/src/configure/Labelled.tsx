// A control of a form that stands for no key of the configuration, with its name and what is to be written there.

import { type ReactNode, useId } from "react";

import { FormGroup, FormHelperText, HelperText, HelperTextItem } from "../patternfly";

interface LabelledProps {
    label: string;
    hint?: string;
    required?: boolean;
    children: (id: string) => ReactNode;
}

export function Labelled({ label, hint = "", required = false, children }: LabelledProps): ReactNode {
    const id = useId();
    return (
        <FormGroup label={label} fieldId={id} isRequired={required}>
            {children(id)}
            {hint && (
                <FormHelperText>
                    <HelperText>
                        <HelperTextItem>{hint}</HelperTextItem>
                    </HelperText>
                </FormHelperText>
            )}
        </FormGroup>
    );
}
