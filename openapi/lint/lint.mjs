// Holds openapi.yaml against the rules of redocly.yaml. Exit status 1 on any finding, warnings too.
import { fileURLToPath } from 'node:url';
import { formatProblems, getTotals, lint, loadConfig } from '@redocly/openapi-core';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const config = await loadConfig({ configPath: here('redocly.yaml') });
const problems = await lint({ ref: process.argv[2] ?? here('../openapi.yaml'), config });

if (problems.length > 0) {
  formatProblems(problems, { totals: getTotals(problems), format: 'codeframe', version: '' });
  process.exit(1);
}
console.log('lint-openapi: ok');
