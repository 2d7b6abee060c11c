// Our OpenAI client against a server that was not written here: `@copilotkit/aimock`, which speaks OpenAI's protocol and
// fails as it is told.
//
//   node tests/sdk/aimock.mjs FOLDER CALLFLOW
//
// FOLDER has aimock installed. Runs the client's own tests against it (`cargo test --test aimock -- --ignored`) and, at
// the same time, a whole call of the shipped flow with CALLFLOW, in which everything but the model is emulated. Ends with
// status 1 if either is not as expected.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const [folder, callflow] = process.argv.slice(2).map((path) => resolve(path));
const { LLMock } = await import(pathToFileURL(createRequire(join(folder, 'x.js')).resolve('@copilotkit/aimock')));

const mock = new LLMock({ port: 0, strict: true, logLevel: 'silent' });
const order = { name: 'order_status', arguments: { order_id: '12' } };
// For the client's tests: what the last message of the caller is decides what befalls the request.
mock.on({ userMessage: 'say something' }, { content: 'Of course. It comes in pieces – naïve ones, for 3 €.' });
mock.on({ userMessage: 'word by word' }, { content: 'It comes, a word at a time.' }, { chunkSize: 1 });
mock.on({ userMessage: 'use tools' }, { content: 'Let me see.', toolCalls: [order, { name: 'weather', arguments: {} }] });
mock.on({ userMessage: 'tool first' }, { blocks: [{ type: 'toolCall', ...order }, { type: 'text', text: 'One moment.' }] });
mock.on({ userMessage: 'half an argument' }, { toolCalls: [{ name: 'order_status', arguments: '{"order_id": ' }] });
mock.on({ userMessage: 'where is it', hasToolResult: false }, { toolCalls: [{ id: 'call_1', ...order }] });
mock.on({ userMessage: 'where is it', toolCallId: 'call_1', toolResultContains: 'on its way' }, { content: 'It is on its way.' });
mock.on({ userMessage: 'wait a moment', sequenceIndex: 0 }, { error: { message: 'Rate limited', type: 'rate_limit_error' }, status: 429 });
mock.on({ userMessage: 'wait a moment' }, { content: 'Now.' });
mock.on({ userMessage: 'be ill', sequenceIndex: 0 }, { error: { message: 'Overloaded', type: 'server_error' }, status: 503 });
mock.on({ userMessage: 'be ill' }, { content: 'Better.' });
mock.on({ userMessage: 'refuse' }, { error: { message: 'No such model', type: 'invalid_request_error', code: 'model_not_found' }, status: 404 });
mock.on({ userMessage: 'no key' }, { error: { message: 'Bad key', type: 'authentication_error' }, status: 401 });
mock.on({ userMessage: 'break off' }, { content: 'This is cut off before it is said.' }, { chunkSize: 5, truncateAfterChunks: 3 });
mock.on({ userMessage: 'hang up' }, { content: 'Nobody hears this.' }, { chaos: { disconnectRate: 1 } });
mock.on({ userMessage: 'talk nonsense' }, { content: 'Nobody hears this.' }, { chaos: { malformedRate: 1 } });
mock.on({ userMessage: 'drop it' }, { content: 'Nobody hears this.' }, { chaos: { dropRate: 1 } });
// For the call.
mock.on({ userMessage: 'bill', hasToolResult: false }, { content: 'I can help with your bill. What exactly happened?' });
mock.on({ userMessage: 'manager', hasToolResult: false }, { toolCalls: [{ name: 'dial_operator', arguments: { reason: 'billing' } }] });
await mock.start();

function run(command, args, env, input) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, cwd: env.CWD ?? root, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(input ?? '');
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  return new Promise((done) => {
    child.on('error', (error) => done({ status: String(error), out }));
    child.on('close', (status) => done({ status, out }));
  });
}

// A folder without a `.env`, so that no key of this machine makes anything but the model real.
const empty = mkdtempSync(join(tmpdir(), 'callflow-aimock-'));
const noKeys = Object.fromEntries(
  ['DAILY_API_KEY', 'DEEPGRAM_API_KEY', 'CARTESIA_API_KEY', 'ENV', 'OPERATOR_NUMBER'].map((name) => [name, '']),
);
const lines = 'I need help with my bill\nI want to speak to a manager\nyes\n/answer\n/hangup\n';
const [tests, call] = await Promise.all([
  run('cargo', ['test', '--quiet', '--test', 'aimock', '--', '--ignored'], { AIMOCK_URL: `${mock.url}/v1` }),
  run(callflow, ['--flow', join(root, 'flows/cold_transfer.yaml'), '--once', '--json', '--port', '0'],
    { ...noKeys, CWD: empty, OPENAI_API_KEY: 'mock', OPENAI_BASE_URL: `${mock.url}/v1` }, lines),
]);
rmSync(empty, { recursive: true });

let failed = false;
function expect(holds, what) {
  if (holds) return;
  failed = true;
  console.error(`FAILED: ${what}`);
}
expect(tests.status === 0, `the client's tests (status ${tests.status}):\n${tests.out}`);
const record = call.out.trim().split('\n').at(-1);
expect(call.status === 0 && record.includes('"outcome":"transferred"'), `the call (status ${call.status}): ${record.slice(0, 500)}`);
expect(record.includes('I can help with your bill.'), 'what the model said was not spoken');
if (record.startsWith('{')) {
  const id = JSON.parse(record).call_id;
  const named = mock.getRequests().filter(({ headers }) => headers['x-client-request-id']?.startsWith(`${id}-`));
  expect(named.length >= 2, `no requests name the call ${id}`);
}
await mock.stop();
process.exit(failed ? 1 : 0);
