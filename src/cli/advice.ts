/**
 * The remedy for each error, for people and scripts.
 */
export { type Reason, reasonOf, reasonTag, reasonText } from "../internal/sync/reason.ts"
