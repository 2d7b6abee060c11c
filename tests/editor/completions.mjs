// Places in flows, marked ‸, and what an editor must offer there (and must not).

const KINDS = ['say', 'converse', 'confirm', 'choose', 'dial', 'handoff', 'end'];
const HEAD = 'callflow: 1\nstart: a\n';

export const completions = [
  {
    what: 'the top of a flow',
    flow: 'callflow: 1\nstart: a\n‸\nstates:\n  a: {end: silent}\n',
    offers: ['name', 'description', 'env', 'call', 'services', 'targets', 'intents', 'vars', 'hours', 'always'],
    not: ['start', 'states', 'say'],
  },
  {
    what: 'a state, without anything',
    flow: `${HEAD}states:\n  a:\n    ‸\n`,
    offers: [...KINDS, 'on', 'next', 'timeout', 'set', 'description', 'allow'],
    not: ['announce', 'prompt'],
  },
  {
    what: 'beside a kind',
    flow: `${HEAD}states:\n  a:\n    say: Hello.\n    ‸\n`,
    offers: ['next', 'on', 'timeout', 'set'],
  },
  {
    what: 'events of a dial',
    flow: `${HEAD}states:\n  a:\n    dial: desk\n    on:\n      ‸\n`,
    offers: ['answered', 'no_answer', 'busy', 'rejected', 'unreachable', 'voicemail', 'otherwise', 'targets.exhausted'],
    not: ['say'],
  },
  {
    what: 'events of the whole flow',
    flow: `${HEAD}always:\n  ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['caller.left', 'call.max_duration', 'service.failed', 'shutdown', 'room.expiring'],
  },
  {
    what: 'inside a dial',
    flow: `${HEAD}states:\n  a:\n    dial:\n      to: desk\n      ‸\n`,
    offers: ['announce', 'ring', 'hold', 'accept', 'late_answer', 'caller_id', 'retry', 'listen', 'method'],
    not: ['to', 'prompt', 'question'],
  },
  {
    what: 'inside the hold of a dial',
    flow: `${HEAD}states:\n  a:\n    dial:\n      to: desk\n      hold:\n        ‸\n`,
    offers: ['audio', 'say', 'say_every'],
  },
  {
    what: 'inside a converse',
    flow: `${HEAD}states:\n  a:\n    converse:\n      ‸\n`,
    offers: ['prompt', 'first', 'context', 'silence'],
    not: ['question'],
  },
  {
    what: 'a step of silence',
    flow: `${HEAD}states:\n  a:\n    converse:\n      prompt: Talk.\n      silence:\n        - after: 8s\n          ‸\n`,
    offers: ['say', 'to'],
  },
  {
    what: 'inside a confirm',
    flow: `${HEAD}states:\n  a:\n    confirm:\n      question: Yes?\n      ‸\n`,
    offers: ['tries', 'timeout', 'interruptible'],
  },
  {
    what: 'an edge with more to it',
    flow: `${HEAD}states:\n  a:\n    say: Hello.\n    on:\n      said:\n        to: b\n        ‸\n`,
    offers: ['if', 'set', 'say', 'max_visits'],
  },
  {
    what: 'an edge of a list',
    flow: `${HEAD}states:\n  a:\n    say: Hello.\n    on:\n      said:\n        - to: b\n          ‸\n`,
    offers: ['if', 'set', 'say', 'max_visits'],
  },
  {
    what: 'an entry of a choose',
    flow: `${HEAD}states:\n  a:\n    choose:\n      - ‸\n`,
    offers: ['if', 'to', 'else'],
  },
  { what: 'the value of handoff', flow: `${HEAD}states:\n  a:\n    handoff: ‸\n`, offers: ['keep_room', 'leave'] },
  {
    what: 'the type of an environment variable',
    flow: `${HEAD}env:\n  NUMBER: ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['phone', 'text', 'int', 'bool', 'duration', 'list'],
  },
  {
    what: 'the way of a dial',
    flow: `${HEAD}states:\n  a:\n    dial:\n      to: desk\n      method: ‸\n`,
    offers: ['dial_out', 'sip_transfer', 'sip_refer'],
  },
  {
    what: 'an intent',
    flow: `${HEAD}intents:\n  bye:\n    when: Goodbye.\n    ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['slots', 'examples'],
  },
  {
    what: 'a target',
    flow: `${HEAD}targets:\n  desk:\n    ‸\nstates:\n  a: {end: silent}\n`,
    offers: ['phone', 'sip', 'extension', 'caller_id'],
  },
];
