/**
 * The path of the first problem that a schema has found.
 */
import { SchemaIssue } from "effect"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** The path of the field, with `.` between keys; empty for the whole value. It contains no value. */
export const firstPath = (issue: SchemaIssue.Issue): string =>
  issuesOf(issue).issues[0]?.path?.join(".") ?? ""
