//! Whole calls in real time: a process of its own for the engine, one for the emulated vendors, and phones here.
//!
//! Prints a table of Markdown: time from start to ready, time from the end of the caller's speech to the
//! first sound of the answer, from the caller's first sound over the bot to its silence, the engine's own part of each
//! answer, how late its beats come, and its CPU time and memory at 1, 10 and 50 calls. Run with
//! `cargo bench --bench calls`; `-- 1 10` runs those numbers of calls instead, `--together` nothing else, and with `--json` the last line of
//! each number of calls is one JSON object instead of a row. Not here: what a step of the machine takes (`machine`),
//! and what reading a flow takes (`flow`).

#![expect(
    clippy::disallowed_methods,
    reason = "this measures other processes, in real time, and blocks nobody"
)]

mod caller;
mod figures;
mod journal;
mod log;
mod process;

use std::time::{Duration, Instant};

use caller::{Answered, Caller, Conversation};
use figures::Millis;
use journal::Tail;
use process::{Engine, Extra, Vendors};

/// Calls one after another, to tell the engine's part of a delay from the rest.
const ALONE: usize = 5;
/// Starts of each kind.
const STARTS: usize = 15;
/// Between the starts of two calls, so that they do not all speak at the same moment.
const APART: Duration = Duration::from_millis(130);

#[tokio::main]
async fn main() {
    callflow::speech::socket::install_tls();
    // `cargo bench` adds an option of its own.
    let levels: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let levels = if levels.is_empty() { vec![1, 10, 50] } else { levels };
    println!("load average at the beginning: {}\n", process::load_average());

    let only_together = std::env::args().any(|arg| arg == "--together");
    if !only_together {
        starts().await;
    }
    let vendors = Vendors::start();
    if !only_together {
        alone(&vendors).await;
    }
    let json = std::env::args().any(|arg| arg == "--json");
    together(&vendors, &levels, json).await;
    println!("\nload average at the end: {}", process::load_average());
}

/// From the start of the process to its first answer over HTTP.
async fn starts() {
    let vendors = Vendors::start();
    let mut given = Vec::new();
    let mut offline = Vec::new();
    for _ in 0..STARTS {
        given.push(Engine::start(&vendors, Extra::Nothing).ready_after);
        offline.push(Engine::start(&vendors, Extra::Offline).ready_after);
    }
    println!("start to ready, {STARTS} starts each");
    println!("| vendors | p50 | p95 |\n|---|---|---|");
    println!("| in another process | {} |", Millis(&mut given));
    println!("| `--offline`, in this one | {} |", Millis(&mut offline));
}

/// One call at a time, with the journal telling when the engine took a turn as ended.
async fn alone(vendors: &Vendors) {
    let journal = process::scratch("calls.jsonl");
    let engine = Engine::start(vendors, Extra::Journal(&journal));
    vendors.send_callers_to(&engine).await;
    let tail = Tail::follow(journal);
    let mut answers = Vec::new();
    for _ in 0..ALONE {
        answers.extend(Caller::place(&vendors.phones).await.talk().await.answers);
    }
    let ended = tail.stop();
    let mut before = Vec::new();
    let mut after = Vec::new();
    for Answered { spoken, heard } in &answers {
        if let Some(turn) = ended.iter().rev().find(|at| *at > spoken && *at < heard) {
            before.push(*turn - *spoken);
            after.push(*heard - *turn);
        }
    }
    println!("\none call at a time, {ALONE} calls, {} answers", after.len());
    println!("| from | to | p50 | p95 |\n|---|---|---|---|");
    println!(
        "| the caller's last sound is sent | the engine takes the turn as ended | {} |",
        Millis(&mut before)
    );
    println!("| the turn has ended | the answer's first frame is at the phone | {} |", Millis(&mut after));
}

/// So many calls at once, for each number.
async fn together(vendors: &Vendors, levels: &[usize], json: bool) {
    let engine = Engine::start(vendors, Extra::Log);
    vendors.send_callers_to(&engine).await;
    println!("\nafter the start: {:.1} MB resident", engine.process.resident());
    println!(
        "\n| calls | done | answer p50 | p95 | engine's part p50 | p95 | guessed | interrupted p50 | p95 | beats late, p99 of a call: p50 | p95 | CPU of one core | CPU s per call-minute | vendors' CPU s per call-minute | MB most | MB per call | MB afterwards |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for &calls in levels {
        level(vendors, &engine, calls, json).await;
    }
    assert!(engine.end(), "the engine must end by itself when nothing is left to do");
}

async fn level(vendors: &Vendors, engine: &Engine, calls: usize, json: bool) {
    drop(engine.log.take());
    let idle = engine.process.resident();
    let (cpu, vendors_cpu, began) = (engine.process.cpu(), vendors.process.cpu(), Instant::now());
    engine.process.forget_peak();
    let mut talking = Vec::new();
    for _ in 0..calls {
        let origin = vendors.phones.clone();
        talking.push(tokio::spawn(async move { Caller::place(&origin).await.talk().await }));
        tokio::time::sleep(APART).await;
    }
    let mut done: Vec<Conversation> = Vec::new();
    for call in talking {
        done.extend(call.await);
    }
    // What a call leaves behind is put away some seconds after it.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let (wall, cpu, vendors_cpu) =
        (began.elapsed(), engine.process.cpu() - cpu, vendors.process.cpu() - vendors_cpu);
    let most = engine.process.peak();
    let minutes: f64 = done.iter().map(|call| call.lasted.as_secs_f64() / 60.0).sum();
    let complete = done.iter().filter(|call| call.complete).count();
    let mut answers: Vec<_> =
        done.iter().flat_map(|call| &call.answers).map(|a| a.heard - a.spoken).collect();
    let mut interrupted: Vec<_> = done.iter().filter_map(|call| call.interrupted).collect();
    let mut said = engine.log.take();
    if json {
        let figures = serde_json::json!({
            "calls": calls,
            "complete": complete,
            "answer": Millis(&mut answers).json(),
            "engine": Millis(&mut said.added).json(),
            "guessed": said.guessed,
            "interrupted": Millis(&mut interrupted).json(),
            "beat_late_p99_of_calls": Millis(&mut said.late).json(),
            "cpu_share": cpu / wall.as_secs_f64(),
            "cpu_s_per_call_minute": cpu / minutes,
            "vendors_cpu_s_per_call_minute": vendors_cpu / minutes,
            "mb_most": most,
            "mb_per_call": (most - idle) / calls as f64,
            "mb_afterwards": engine.process.resident(),
        });
        println!("{figures}");
        return;
    }
    println!(
        "| {calls} | {complete} | {} | {} | {} | {} | {} | {:.1} % | {:.2} | {:.2} | {most:.1} | {:.2} | {:.1} |",
        Millis(&mut answers),
        Millis(&mut said.added),
        said.guessed,
        Millis(&mut interrupted),
        Millis(&mut said.late),
        100.0 * cpu / wall.as_secs_f64(),
        cpu / minutes,
        vendors_cpu / minutes,
        (most - idle) / calls as f64,
        engine.process.resident(),
    );
}
