/**
 * Errors without stacks. Passes look for many files that do not exist, and making the stacks of these errors
 * takes half of their time.
 */
Error.stackTraceLimit = 0
