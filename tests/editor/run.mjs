// What an editor shows for flows, asked of a real YAML language server over LSP.
//
//   node tests/editor/run.mjs [FOLDER]
//
// FOLDER has the server installed already, or gets it; without one, it is installed into a temporary folder that is
// removed at the end. Needs node 20 and, once, npm's registry. Ends with status 1 if anything is not as expected, with 2
// if the server cannot be installed.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { completions } from './completions.mjs';
import { LanguageServer } from './lsp.mjs';

const VERSION = '1.25.0';
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const given = process.argv[2];
const folder = given ? resolve(given) : mkdtempSync(join(tmpdir(), 'callflow-editor-'));

// Whatever hangs, it ends.
setTimeout(() => { console.error('not done in five minutes'); process.exit(1); }, 300_000).unref();

let failures = 0;
function expect(holds, what) {
  if (holds) return;
  failures += 1;
  console.error(`FAILED: ${what}`);
}

function install() {
  const entry = join(folder, 'node_modules/yaml-language-server/bin/yaml-language-server');
  if (!existsSync(entry)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    const args = ['install', '--no-audit', '--no-fund', '--silent', '--ignore-scripts', `yaml-language-server@${VERSION}`];
    execFileSync('npm', args, { cwd: folder, stdio: 'inherit', timeout: 180_000 });
  }
  return entry;
}

const schema = pathToFileURL(join(root, 'schemas/flow.schema.json')).href;
const settings = {
  yaml: { schemas: { [schema]: ['*.yaml'] }, validate: true, hover: true, completion: true, schemaStore: { enable: false } },
  'http': {}, '[yaml]': {}, editor: { tabSize: 2 }, files: {},
};

const inFolder = (path) => readdirSync(join(root, path)).filter((name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml'))
  .sort().map((name) => join(path, name));
const uriOf = (path) => pathToFileURL(join(root, path)).href;
const read = (path) => readFileSync(join(root, path), 'utf8');

function position(text, offset) {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1).length };
}

// Names that the author of a flow chooses; the others are keys of the language.
const NAMED = [['env'], ['targets'], ['intents'], ['vars'], ['hours'], ['states'], ['states', '*', 'set'], ['set'],
  ['intents', '*', 'slots'], ['allow'], ['phrases'], ['groups'], ['tools'], ['tools', '*', 'params'],
  ['tools', '*', 'http', 'headers'], ['tools', '*', 'http', 'query'], ['states', '*', 'call_api', 'args'],
  ['states', '*', 'call_api', 'save'], ['states', '*', 'collect', 'slots'], ['properties', 'before']];
function isChosen(path) {
  const parent = path.slice(0, -1).filter((part) => typeof part === 'string');
  const fits = (pattern) => pattern.length === parent.length && pattern.every((p, i) => p === '*' || p === parent[i]);
  // All of the JSON that a tool sends is the author's.
  const isSent = parent[0] === 'tools' && parent[2] === 'http' && parent[3] === 'json';
  return NAMED.some(fits) || isSent || ['set', 'allow'].includes(parent.at(-1));
}

// What the schema says about a key, wherever it stands.
const described = new Map();
(function collect(node) {
  if (node === null || typeof node !== 'object') return;
  for (const kind of ['properties', 'patternProperties']) {
    for (const [key, value] of Object.entries(node[kind] ?? {})) {
      if (value.description) described.set(key, [...(described.get(key) ?? []), value.description]);
    }
  }
  Object.values(node).forEach(collect);
})(JSON.parse(read('schemas/flow.schema.json')));
function about(key) {
  const patterns = [...described.keys()].filter((pattern) => pattern.startsWith('^') && new RegExp(pattern).test(key));
  return [key, ...patterns].flatMap((name) => described.get(name) ?? []);
}
// Without the marks of Markdown, and with single spaces.
function plain(text) { return text.replaceAll('\\', '').replace(/&nbsp;|\s+/g, ' '); }

async function hovers(server, YAML, path, seen) {
  const text = read(path);
  const keys = [];
  YAML.visit(YAML.parseDocument(text), {
    Pair(_, pair, ancestors) {
      const above = ancestors.filter(YAML.isPair).map((p) => p.key.value);
      keys.push({ path: [...above, pair.key.value], at: pair.key.range[0] });
    },
  });
  for (const key of keys.filter((key) => !isChosen(key.path))) {
    // Within the word: at its very beginning, the end of the value before may count.
    const hover = await server.hover(uriOf(path), position(text, key.at + 1));
    const shown = plain(hover?.contents?.value ?? '');
    const known = about(String(key.path.at(-1)));
    expect(known.some((words) => shown.includes(plain(words))),
      `${path}: hover on \`${key.path.join('.')}\` shows ${JSON.stringify(shown)}`);
    seen.add(key.path.at(-1));
  }
  return keys.length;
}

let entry;
try {
  entry = install();
} catch (error) {
  console.error(`yaml-language-server cannot be installed: ${error.message}`);
  process.exit(2);
}
const YAML = createRequire(entry)('yaml');
const server = new LanguageServer(process.execPath, [entry, '--stdio'], settings);
try {
  await server.start(pathToFileURL(root).href);

  const good = [...inFolder('flows'), ...inFolder('tests/flows/ok')].concat(existsSync(join(root, 'examples/from-pipecat')) ? inFolder('examples/from-pipecat') : []);
  for (const path of good) {
    const said = await server.open(uriOf(path), read(path));
    expect(said.length === 0, `${path} has diagnostics: ${said.map((d) => `${d.range.start.line + 1}: ${d.message}`).join('; ')}`);
  }
  console.log(`${good.length} flows without mistakes: no diagnostics`);

  // What a schema can know: unknown keys, missing keys, wrong values, kinds and events.
  const bad = inFolder('tests/flows/err').filter((path) => /\/f00[34579]_/.test(path) && !path.includes('f005_recording'));
  for (const path of bad) {
    const said = await server.open(uriOf(path), read(path));
    expect(said.length > 0, `${path} has no diagnostics`);
  }
  console.log(`${bad.length} flows with mistakes that a schema can know: a diagnostic each`);

  const seen = new Set();
  let keys = 0;
  for (const path of good) keys += await hovers(server, YAML, path, seen);
  console.log(`${keys} keys, ${seen.size} different ones: hover on each key of the language describes it`);

  for (const [index, { what, flow, offers, not = [] }] of completions.entries()) {
    const offset = flow.indexOf('‸');
    const text = flow.replace('‸', '');
    const uri = uriOf(`completion-${index}.yaml`);
    await server.open(uri, text);
    const { items } = await server.complete(uri, position(text, offset));
    const labels = items.map((item) => item.label);
    for (const label of offers) {
      const item = items.find((item) => item.label === label);
      expect(item, `${what}: \`${label}\` is not offered, but ${JSON.stringify(labels)}`);
    }
    for (const label of not) expect(!labels.includes(label), `${what}: \`${label}\` is offered`);
  }
  console.log(`${completions.length} places: completion offers what may stand there`);
} finally {
  server.stop();
  if (!given) rmSync(folder, { recursive: true, force: true });
}
console.log(failures === 0 ? 'all as expected' : `${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
