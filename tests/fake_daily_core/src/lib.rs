//! A stand-in for Daily's native library: the same C functions, over the sandbox's WebSocket room.
//!
//! Written from `daily_core.h` of daily-co/daily-core-sdk 0.22.0 and from what the real library was seen to
//! do (`docs/daily.md`), without a look at callflow's bindings: a struct that the two understand differently
//! shows as a crash or a failed test. It says nothing of how Daily's servers behave.
//!
//! It is as unforgiving as the real one: a second context aborts, wrongly released audio sources leave their
//! threads behind, and it does not load without the names of the Python interpreter.
#![cfg(target_os = "linux")]
#![allow(clippy::missing_safety_doc)]

mod client;
mod room;
mod source;

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use client::Client;
use source::{OnWritten, Source, Track};

// ---- What makes the real library unloadable without Python ------------------------------------------------

#[allow(non_upper_case_globals)]
unsafe extern "C" {
    static PyBaseObject_Type: u8;
    static _Py_NoneStruct: u8;
    fn Py_IncRef(object: *const u8);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_daily() -> *const u8 {
    unsafe {
        Py_IncRef(&raw const _Py_NoneStruct);
        &raw const PyBaseObject_Type
    }
}

// ---- Context -------------------------------------------------------------------------------------------------

/// `DailyContextDelegate`.
#[repr(C)]
pub struct ContextDelegate(*mut c_void);

/// `DailyWebRtcContextDelegate`: a pointer and eleven functions, in the header's order.
#[repr(C)]
pub struct WebRtcDelegate {
    ptr: *mut c_void,
    functions: [*const c_void; 11],
}

const GET_USER_MEDIA: usize = 0;
const GET_ENUMERATED_DEVICES: usize = 2;
const CREATE_AUDIO_DEVICE_MODULE: usize = 3;
const GET_AUDIO_DEVICE: usize = 8;
const SET_AUDIO_DEVICE: usize = 9;

/// `DailyAboutClient`: library, version, operating system, its version, package.
#[repr(C)]
pub struct About([*const c_char; 5]);

static HAS_CONTEXT: AtomicBool = AtomicBool::new(false);
static DEVICE_MANAGERS: AtomicUsize = AtomicUsize::new(0);
const DEVICE_MANAGER: usize = 0x0d00;
const TASK_QUEUES: usize = 0x7a00;
const AUDIO_DEVICE_MODULE: usize = 0xad00;

fn fail(why: &str) -> ! {
    eprintln!("fake daily-core: {why}");
    std::process::abort();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_create_with_threads(
    _: ContextDelegate,
    webrtc: WebRtcDelegate,
    about: About,
    worker_threads: usize,
) {
    if HAS_CONTEXT.swap(true, Ordering::SeqCst) {
        fail("Execution context already exists!");
    }
    if worker_threads < 2 {
        fail("fewer than two worker threads");
    }
    let texts = about.0.map(|text| {
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_else(|_| fail("about")))
    });
    if !matches!(texts, [Some(library), Some(version), ..] if !library.is_empty() && version.split('.').count() == 3)
    {
        fail("library and version of the client are required");
    }
    for needed in [
        GET_USER_MEDIA,
        GET_ENUMERATED_DEVICES,
        CREATE_AUDIO_DEVICE_MODULE,
        GET_AUDIO_DEVICE,
        SET_AUDIO_DEVICE,
    ] {
        if webrtc.functions[needed].is_null() {
            fail("a callback of the context is missing");
        }
    }
    // The real one calls these from threads of its own, too.
    let (ptr, functions) = (webrtc.ptr as usize, webrtc.functions.map(|function| function as usize));
    let tried = std::thread::Builder::new().name("fake-worker".into()).spawn(move || unsafe {
        let ptr = ptr as *mut c_void;
        type Create = unsafe extern "C" fn(*mut c_void, *mut c_void) -> *mut c_void;
        let create: Create = std::mem::transmute(functions[CREATE_AUDIO_DEVICE_MODULE]);
        if create(ptr, TASK_QUEUES as *mut c_void) as usize != AUDIO_DEVICE_MODULE {
            fail("the callback did not return the audio device module");
        }
        type Get = unsafe extern "C" fn(*mut c_void) -> *const c_char;
        let enumerate: Get = std::mem::transmute(functions[GET_ENUMERATED_DEVICES]);
        let devices = enumerate(ptr);
        if devices.is_null() || CStr::from_ptr(devices) != c"[]" {
            fail("the devices are not those that were enumerated");
        }
        let device: Get = std::mem::transmute(functions[GET_AUDIO_DEVICE]);
        if device(ptr).is_null() {
            fail("no audio device, not even an empty name");
        }
        let set: unsafe extern "C" fn(*mut c_void, *const c_char) =
            std::mem::transmute(functions[SET_AUDIO_DEVICE]);
        set(ptr, c"speaker".as_ptr());
    });
    if tried.map(|thread| thread.join().is_ok()).unwrap_or(false) {
        return;
    }
    fail("the callbacks of the context do not work");
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_destroy() {
    if !HAS_CONTEXT.swap(false, Ordering::SeqCst) {
        fail("no context");
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_create_device_manager() -> *mut c_void {
    (DEVICE_MANAGER + DEVICE_MANAGERS.fetch_add(1, Ordering::SeqCst)) as *mut c_void
}

fn check_device_manager(manager: *const c_void) {
    if manager as usize != DEVICE_MANAGER {
        fail("not the device manager that was created");
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_create_audio_device_module(
    manager: *mut c_void,
    task_queues: *mut c_void,
) -> *mut c_void {
    check_device_manager(manager);
    if task_queues as usize != TASK_QUEUES {
        fail("not the task queues that were given");
    }
    AUDIO_DEVICE_MODULE as *mut c_void
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_device_manager_enumerated_devices(
    manager: *const c_void,
) -> *mut c_char {
    check_device_manager(manager);
    c"[]".to_owned().into_raw()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_device_manager_get_user_media(
    manager: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    _: *const c_char,
) -> *mut c_void {
    check_device_manager(manager);
    null_mut()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_set_log_level(level: u32) {
    // To standard output, as the real one.
    if level > 0 {
        println!("Setting libwebrtc log level to 3");
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_string_free(text: *mut c_char) {
    if !text.is_null() {
        drop(unsafe { CString::from_raw(text) });
    }
}

// ---- Audio sources and tracks: counted references ------------------------------------------------------------

/// A counted reference of either kind, as `track_release` takes both.
pub(crate) enum Counted {
    Source(Source),
    Track(Track),
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_create_custom_audio_source_with_silence(
    sample_rate: i32,
    channels: usize,
) -> *mut c_void {
    if !HAS_CONTEXT.load(Ordering::SeqCst) {
        fail("an audio source before the context");
    }
    Arc::into_raw(Arc::new(Counted::Source(Source::start(sample_rate, channels)))).cast_mut().cast()
}

fn counted<'a>(pointer: *const c_void) -> &'a Counted {
    if pointer.is_null() {
        fail("no source or track");
    }
    unsafe { &*pointer.cast::<Counted>() }
}

fn source<'a>(pointer: *const c_void) -> &'a Source {
    match counted(pointer) {
        Counted::Source(source) => source,
        Counted::Track(_) => fail("a track where a source should be"),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_custom_audio_source_write_frames_async(
    pointer: *mut c_void,
    samples: *const c_void,
    bits: i32,
    sample_rate: i32,
    channels: usize,
    frames: usize,
    request: u64,
    done: OnWritten,
    target: *mut c_void,
) -> i32 {
    let source = source(pointer);
    if bits != 16 || sample_rate != source.sample_rate || channels != source.channels {
        return -1;
    }
    let bytes = unsafe { std::slice::from_raw_parts(samples.cast::<u8>(), frames * channels * 2) };
    let samples = bytes.chunks_exact(2).map(|pair| i16::from_ne_bytes([pair[0], pair[1]])).collect();
    source.write(samples, request, done, target as usize);
    i32::try_from(frames).unwrap_or(-1)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_create_custom_audio_track(pointer: *mut c_void) -> *const c_void {
    source(pointer);
    let source = unsafe {
        Arc::increment_strong_count(pointer.cast::<Counted>());
        Arc::from_raw(pointer.cast::<Counted>())
    };
    let track = Track::new(source);
    let id = track.id.clone();
    let track = Arc::new(Counted::Track(track));
    source::list().insert(id, Arc::clone(&track));
    Arc::into_raw(track).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_custom_audio_track_id(pointer: *mut c_void) -> *const c_char {
    match counted(pointer) {
        Counted::Track(track) => CString::new(track.id.as_str()).unwrap_or_default().into_raw(),
        Counted::Source(_) => fail("a source where a track should be"),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_destroy_custom_audio_track(pointer: *mut c_void) {
    match counted(pointer) {
        Counted::Track(track) => drop(source::list().remove(&track.id)),
        Counted::Source(_) => fail("a source where a track should be"),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_context_track_release(pointer: *mut c_void) {
    drop(unsafe { Arc::from_raw(pointer.cast::<Counted>()) });
}

// ---- Call clients ----------------------------------------------------------------------------------------------

/// `DailyCallClientDelegate`: a pointer, and the callbacks for events, audio and video.
#[repr(C)]
pub struct ClientDelegate {
    ptr: *mut c_void,
    functions: [*const c_void; 3],
}

/// `NativeAudioData`.
#[repr(C)]
pub struct AudioData {
    pub bits_per_sample: u32,
    pub sample_rate: u32,
    pub num_channels: usize,
    pub num_audio_frames: usize,
    pub audio_frames: *const u8,
}

fn client<'a>(pointer: *mut c_void) -> &'a Client {
    if pointer.is_null() {
        fail("no client");
    }
    unsafe { &*pointer.cast::<Client>() }
}

fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        fail("a text is NULL");
    }
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().unwrap_or_else(|_| fail("a text is not UTF-8")).to_owned()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_create() -> *mut c_void {
    if !HAS_CONTEXT.load(Ordering::SeqCst) {
        fail("a client before the context");
    }
    Box::into_raw(Box::new(Client::new())).cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_destroy(pointer: *mut c_void) {
    client(pointer);
    let client = unsafe { Box::from_raw(pointer.cast::<Client>()) };
    client.finish();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_set_delegate(pointer: *mut c_void, delegate: ClientDelegate) {
    let [event, audio, _] = delegate.functions;
    if event.is_null() || audio.is_null() {
        fail("the delegate lacks a callback");
    }
    client(pointer).set_delegate(delegate.ptr as usize, event as usize, audio as usize);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_call_state(pointer: *mut c_void) -> u32 {
    client(pointer).state()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_join(
    pointer: *mut c_void,
    request: u64,
    url: *const c_char,
    token: *const c_char,
    settings: *const c_char,
) {
    client(pointer).join(request, text(url), text(token), &text(settings));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_leave(pointer: *mut c_void, request: u64) {
    client(pointer).leave(request);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_set_user_name(
    pointer: *mut c_void,
    request: u64,
    name: *const c_char,
) {
    text(name);
    client(pointer).done(request);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_update_subscription_profiles(
    pointer: *mut c_void,
    request: u64,
    profiles: *const c_char,
) {
    client(pointer).update_profiles(request, &text(profiles));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_update_publishing(
    pointer: *mut c_void,
    request: u64,
    publishing: *const c_char,
) {
    client(pointer).update_publishing(request, &text(publishing));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_start_dialout(
    pointer: *mut c_void,
    request: u64,
    properties: *const c_char,
) {
    client(pointer).command_leg(request, "startDialout", &text(properties));
}

/// The only one of these that takes a bare id and no JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_stop_dialout(
    pointer: *mut c_void,
    request: u64,
    participant: *const c_char,
) {
    client(pointer).stop_dialout(request, &text(participant));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_send_dtmf(
    pointer: *mut c_void,
    request: u64,
    properties: *const c_char,
) {
    client(pointer).command_leg(request, "sendDtmf", &text(properties));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_sip_call_transfer(
    pointer: *mut c_void,
    request: u64,
    properties: *const c_char,
) {
    client(pointer).command_leg(request, "sipCallTransfer", &text(properties));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_sip_refer(
    pointer: *mut c_void,
    request: u64,
    properties: *const c_char,
) {
    client(pointer).command_leg(request, "sipRefer", &text(properties));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_update_subscriptions(
    pointer: *mut c_void,
    request: u64,
    participants: *const c_char,
    profiles: *const c_char,
) {
    if !profiles.is_null() {
        client(pointer).update_profiles(request, &text(profiles));
    }
    client(pointer).update_subscriptions(request, &text(participants));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daily_core_call_client_set_participant_audio_renderer(
    pointer: *mut c_void,
    request: u64,
    renderer: u64,
    participant: *const c_char,
    source: *const c_char,
    sample_rate: u32,
) {
    if text(source) != "microphone" {
        fail("only microphones are played here");
    }
    client(pointer).render(request, renderer, text(participant), sample_rate);
}
