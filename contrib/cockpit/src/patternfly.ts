// The components that the page uses, each by its own path: from the package's root come the styles of all.

export { Alert } from "@patternfly/react-core/dist/esm/components/Alert/Alert.js";
export { Button } from "@patternfly/react-core/dist/esm/components/Button/Button.js";
export { Card, CardBody, CardTitle } from "@patternfly/react-core/dist/esm/components/Card/index.js";
export { Checkbox } from "@patternfly/react-core/dist/esm/components/Checkbox/Checkbox.js";
export {
    DescriptionList,
    DescriptionListDescription,
    DescriptionListGroup,
    DescriptionListTerm,
} from "@patternfly/react-core/dist/esm/components/DescriptionList/index.js";
export { EmptyState, EmptyStateBody } from "@patternfly/react-core/dist/esm/components/EmptyState/index.js";
export { Divider } from "@patternfly/react-core/dist/esm/components/Divider/index.js";
export { Dropdown, DropdownGroup, DropdownItem, DropdownList } from "@patternfly/react-core/dist/esm/components/Dropdown/index.js";
export { ExpandableSection } from "@patternfly/react-core/dist/esm/components/ExpandableSection/index.js";
export { FormGroup, FormGroupLabelHelp, FormHelperText } from "@patternfly/react-core/dist/esm/components/Form/index.js";
export { HelperText, HelperTextItem } from "@patternfly/react-core/dist/esm/components/HelperText/index.js";
export { FormSelect, FormSelectOption } from "@patternfly/react-core/dist/esm/components/FormSelect/index.js";
export { Label } from "@patternfly/react-core/dist/esm/components/Label/index.js";
export { MenuToggle } from "@patternfly/react-core/dist/esm/components/MenuToggle/index.js";
export { Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core/dist/esm/components/Modal/index.js";
export { List, ListItem } from "@patternfly/react-core/dist/esm/components/List/index.js";
export { Spinner } from "@patternfly/react-core/dist/esm/components/Spinner/index.js";
export { TextArea } from "@patternfly/react-core/dist/esm/components/TextArea/TextArea.js";
export { TextInput } from "@patternfly/react-core/dist/esm/components/TextInput/TextInput.js";
export { Title } from "@patternfly/react-core/dist/esm/components/Title/index.js";
export { Gallery } from "@patternfly/react-core/dist/esm/layouts/Gallery/index.js";
