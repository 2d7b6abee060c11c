//! The C functions of Daily's native library: the only `unsafe` code of this crate.
//!
//! Layouts and signatures are those of `daily_core.h` in daily-co/daily-core-sdk 0.22.0, checked below, and
//! used as that SDK's examples use them. What is handed to the library to be handed back to us is never an
//! address but a number, looked up when it comes back: whatever the library calls late finds nobody, and
//! not freed memory. No policy here: no JSON, no deadlines, no threads.
#![allow(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::ptr::{NonNull, null, null_mut, without_provenance_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::legs::LegFunction;
use super::listener::{Audio, Registration, tell};

/// What we say to be: the SDK whose header this is. Its examples say that Daily's servers know client
/// libraries by this name.
const ABOUT: (&CStr, &CStr) = (c"daily-core-sdk", c"0.22.0");
/// Threads of the library's own runtime; what daily-python takes, and the header's minimum.
const WORKER_THREADS: usize = 2;
/// Bits of a sample.
const SAMPLE_BITS: u32 = 16;
/// Longest audio believed: more than a second at the highest rate there is.
const LONGEST_AUDIO: usize = 256 * 1024;

#[repr(C)]
struct ContextDelegate {
    ptr: *mut c_void,
}

/// A callback of the context that we do not give.
type Absent = Option<unsafe extern "C" fn()>;

#[repr(C)]
struct WebRtcContextDelegate {
    ptr: *mut c_void,
    get_user_media: unsafe extern "C" fn(
        *mut c_void,
        *mut c_void,
        *mut c_void,
        *mut c_void,
        *mut c_void,
        *const c_char,
    ) -> *mut c_void,
    get_display_media: Absent,
    get_enumerated_devices: unsafe extern "C" fn(*mut c_void) -> *mut c_char,
    create_audio_device_module: unsafe extern "C" fn(*mut c_void, *mut c_void) -> *mut c_void,
    create_video_decoder_factory: Absent,
    create_video_encoder_factory: Absent,
    create_audio_decoder_factory: Absent,
    create_audio_encoder_factory: Absent,
    get_audio_device: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    set_audio_device: unsafe extern "C" fn(*mut c_void, *const c_char),
    get_ignored_network_devices: Absent,
}

#[repr(C)]
struct AboutClient {
    library: *const c_char,
    version: *const c_char,
    operating_system: *const c_char,
    operating_system_version: *const c_char,
    app_package_name: *const c_char,
}

type OnEvent = unsafe extern "C" fn(*mut c_void, *const c_char, isize);
type OnAudio = unsafe extern "C" fn(*mut c_void, u64, *const c_char, *const AudioData);
type OnWritten = unsafe extern "C" fn(*mut c_void, u64, usize);

#[repr(C)]
struct CallClientDelegate {
    ptr: *mut c_void,
    on_event: OnEvent,
    on_audio_data: OnAudio,
    on_video_frame: Absent,
}

#[repr(C)]
struct AudioData {
    bits_per_sample: u32,
    sample_rate: u32,
    num_channels: usize,
    num_audio_frames: usize,
    audio_frames: *const u8,
}

// A header that grows shows here; a library that disagrees with its header shows in `tests/daily_core.rs`.
const _: () = {
    assert!(size_of::<*mut c_void>() == 8, "the layouts are those of 64-bit processors");
    assert!(size_of::<ContextDelegate>() == 8);
    assert!(size_of::<WebRtcContextDelegate>() == 96);
    assert!(offset_of!(WebRtcContextDelegate, create_audio_device_module) == 32);
    assert!(offset_of!(WebRtcContextDelegate, get_audio_device) == 72);
    assert!(size_of::<AboutClient>() == 40);
    assert!(size_of::<CallClientDelegate>() == 32);
    assert!(offset_of!(CallClientDelegate, on_audio_data) == 16);
    assert!(size_of::<AudioData>() == 32);
    assert!(offset_of!(AudioData, num_audio_frames) == 16);
};

/// A request to a client: the client, our number of the request, and a text.
type Request = unsafe extern "C" fn(*mut c_void, u64, *const c_char);

/// Declares the table of functions, their names in the library, and how they are found.
macro_rules! functions {
    ($($name:ident: $kind:ty;)*) => {
        struct Functions {
            $($name: $kind,)*
        }

        /// The functions that a library must export.
        pub(super) const NEEDED: &[&str] = &[$(concat!("daily_core_", stringify!($name)),)*];

        #[cfg(target_os = "linux")]
        impl Functions {
            fn find(library: &libloading::os::unix::Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    $($name: {
                        // SAFETY: the header declares this function with this signature; the layouts that it
                        // passes are checked above.
                        let symbol = unsafe {
                            library.get::<$kind>(concat!("daily_core_", stringify!($name), "\0").as_bytes())?
                        };
                        *symbol
                    },)*
                })
            }
        }
    };
}

functions! {
    string_free: unsafe extern "C" fn(*mut c_char);
    context_create_with_threads: unsafe extern "C" fn(ContextDelegate, WebRtcContextDelegate, AboutClient, usize);
    context_create_device_manager: unsafe extern "C" fn() -> *mut c_void;
    context_create_audio_device_module: unsafe extern "C" fn(*mut c_void, *mut c_void) -> *mut c_void;
    context_device_manager_enumerated_devices: unsafe extern "C" fn(*const c_void) -> *mut c_char;
    context_device_manager_get_user_media: unsafe extern "C" fn(
        *mut c_void, *mut c_void, *mut c_void, *mut c_void, *mut c_void, *const c_char) -> *mut c_void;
    context_create_custom_audio_source_with_silence: unsafe extern "C" fn(i32, usize) -> *mut c_void;
    context_custom_audio_source_write_frames_async: unsafe extern "C" fn(
        *mut c_void, *const c_void, i32, i32, usize, usize, u64, OnWritten, *mut c_void) -> i32;
    context_create_custom_audio_track: unsafe extern "C" fn(*mut c_void) -> *mut c_void;
    context_custom_audio_track_id: unsafe extern "C" fn(*mut c_void) -> *mut c_char;
    context_destroy_custom_audio_track: unsafe extern "C" fn(*mut c_void);
    context_track_release: unsafe extern "C" fn(*mut c_void);
    call_client_create: unsafe extern "C" fn() -> *mut c_void;
    call_client_destroy: unsafe extern "C" fn(*mut c_void);
    call_client_set_delegate: unsafe extern "C" fn(*mut c_void, CallClientDelegate);
    call_client_join: unsafe extern "C" fn(*mut c_void, u64, *const c_char, *const c_char, *const c_char);
    call_client_leave: unsafe extern "C" fn(*mut c_void, u64);
    call_client_set_user_name: Request;
    call_client_update_subscription_profiles: Request;
    call_client_update_publishing: Request;
    call_client_start_dialout: Request;
    call_client_stop_dialout: Request;
    call_client_send_dtmf: Request;
    call_client_sip_call_transfer: Request;
    call_client_sip_refer: Request;
    call_client_update_subscriptions: unsafe extern "C" fn(*mut c_void, u64, *const c_char, *const c_char);
    call_client_set_participant_audio_renderer: unsafe extern "C" fn(
        *mut c_void, u64, u64, *const c_char, *const c_char, u32);
}

/// A loaded library with its context. There is one for each file in a process, and it stays to the end:
/// neither the context nor the code is ever taken away from under the library's threads.
pub(super) struct Library {
    functions: Functions,
    device_manager: AtomicPtr<c_void>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

/// Loads the library, with `stub` (a library of the names it lacks) before it, and creates its context.
///
/// To be called once in a process for a file: a second context would abort the process.
///
/// # Errors
/// What the system's loader said.
#[cfg(target_os = "linux")]
pub(super) fn open(path: &Path, stub: &[u8]) -> Result<&'static Library, String> {
    use libloading::os::unix::{Library as Loaded, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

    let stub = file_in_memory(stub).map_err(|error| format!("no file in memory: {error}"))?;
    let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&stub));
    let loader_said = |error: libloading::Error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    // SAFETY: the file was written by `stub::library`: it has no initialisers, and its names are global so
    // that the library finds them.
    let stub_library = unsafe { Loaded::open(Some(&name), RTLD_NOW | RTLD_GLOBAL) }.map_err(loader_said)?;
    // SAFETY: the initialisers of Daily's library are C++ constructors without a condition on the process;
    // its names stay its own.
    let library = unsafe { Loaded::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(loader_said)?;
    let functions = Functions::find(&library).map_err(loader_said)?;
    // Never unloaded: its threads run until the process ends.
    std::mem::forget((stub_library, library));
    let library = Box::leak(Box::new(Library { functions, device_manager: AtomicPtr::new(null_mut()) }));
    library.create_context();
    Ok(library)
}

/// There is no such library that could be loaded here.
#[cfg(not(target_os = "linux"))]
pub(super) fn open(_: &Path, _: &[u8]) -> Result<&'static Library, String> {
    Err("this is not Linux".to_owned())
}

#[cfg(target_os = "linux")]
fn file_in_memory(content: &[u8]) -> std::io::Result<std::fs::File> {
    use std::io::Write as _;
    use std::os::fd::{FromRawFd as _, OwnedFd};

    // Hardened systems want to be told that no program will be started from it; old ones do not know that.
    let create = |flags| {
        // SAFETY: the name is a C string; the answer is a new descriptor or −1.
        unsafe { libc::memfd_create(c"callflow-names".as_ptr(), libc::MFD_CLOEXEC | flags) }
    };
    let descriptor = [libc::MFD_NOEXEC_SEAL, 0].into_iter().map(create).find(|&descriptor| descriptor >= 0);
    let descriptor = descriptor.ok_or_else(std::io::Error::last_os_error)?;
    // SAFETY: the descriptor is open, and nobody else has it.
    let mut file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    file.write_all(content)?;
    Ok(file)
}

impl Library {
    fn create_context(&'static self) {
        let functions = &self.functions;
        let about = AboutClient {
            library: ABOUT.0.as_ptr(),
            version: ABOUT.1.as_ptr(),
            operating_system: c"linux".as_ptr(),
            operating_system_version: null(),
            app_package_name: c"callflow".as_ptr(),
        };
        let webrtc = WebRtcContextDelegate {
            ptr: std::ptr::from_ref(self).cast_mut().cast(),
            get_user_media,
            get_display_media: None,
            get_enumerated_devices,
            create_audio_device_module,
            create_video_decoder_factory: None,
            create_video_encoder_factory: None,
            create_audio_decoder_factory: None,
            create_audio_encoder_factory: None,
            get_audio_device,
            set_audio_device,
            get_ignored_network_devices: None,
        };
        // SAFETY: a device manager may be created before the context (the SDK's examples do). The callbacks
        // are of the header's types, their pointer is this `'static` library, and all texts are constants.
        // `open` is called once for a file, so that there is no other context.
        unsafe {
            self.device_manager.store((functions.context_create_device_manager)(), Ordering::Release);
            let nothing = ContextDelegate { ptr: null_mut() };
            (functions.context_create_with_threads)(nothing, webrtc, about, WORKER_THREADS);
        }
    }

    fn device_manager(&self) -> *mut c_void {
        self.device_manager.load(Ordering::Acquire)
    }
}

/// The library of a context's callback.
///
/// # Safety
/// `delegate` must be the pointer given to `context_create_with_threads`.
unsafe fn library<'a>(delegate: *mut c_void) -> &'a Library {
    // SAFETY: the caller's promise; that pointer is a leaked `Library`, which is shared but never changed.
    unsafe { &*delegate.cast::<Library>() }
}

unsafe extern "C" fn get_user_media(
    delegate: *mut c_void,
    factory: *mut c_void,
    signaling: *mut c_void,
    worker: *mut c_void,
    network: *mut c_void,
    constraints: *const c_char,
) -> *mut c_void {
    // SAFETY: everything is passed on as it came, to the function that the header has for it.
    unsafe {
        let library = library(delegate);
        let get = library.functions.context_device_manager_get_user_media;
        get(library.device_manager(), factory, signaling, worker, network, constraints)
    }
}

unsafe extern "C" fn get_enumerated_devices(delegate: *mut c_void) -> *mut c_char {
    // SAFETY: as above.
    unsafe {
        let library = library(delegate);
        (library.functions.context_device_manager_enumerated_devices)(library.device_manager())
    }
}

unsafe extern "C" fn create_audio_device_module(
    delegate: *mut c_void,
    task_queue_factory: *mut c_void,
) -> *mut c_void {
    // SAFETY: as above.
    unsafe {
        let library = library(delegate);
        let create = library.functions.context_create_audio_device_module;
        create(library.device_manager(), task_queue_factory)
    }
}

unsafe extern "C" fn get_audio_device(_: *mut c_void) -> *const c_char {
    c"".as_ptr()
}

unsafe extern "C" fn set_audio_device(_: *mut c_void, _: *const c_char) {}

/// A listener's number in the place of an address; it is never followed.
fn as_delegate(listener: &Registration) -> *mut c_void {
    without_provenance_mut(listener.number())
}

unsafe extern "C" fn on_event(delegate: *mut c_void, json: *const c_char, _: isize) {
    if json.is_null() {
        return;
    }
    // SAFETY: the header gives a C string; it is the library's until we return, and read before that.
    let json = unsafe { CStr::from_ptr(json) };
    tell(delegate.addr(), |listener| listener.event(json.to_bytes()));
}

unsafe extern "C" fn on_audio_data(
    delegate: *mut c_void,
    renderer: u64,
    _: *const c_char,
    data: *const AudioData,
) {
    // SAFETY: the header gives a pointer to this struct, valid during the call.
    let Some(data) = (unsafe { data.as_ref() }) else { return };
    let samples = data.num_channels.checked_mul(data.num_audio_frames);
    let bytes = samples.and_then(|samples| samples.checked_mul(2)).filter(|&bytes| bytes <= LONGEST_AUDIO);
    let (Some(bytes), false) = (bytes, data.audio_frames.is_null()) else { return };
    if data.bits_per_sample != SAMPLE_BITS {
        return;
    }
    // SAFETY: daily-python reads so many bytes from there; they are the library's until we return, and
    // bytes need no alignment.
    let bytes = unsafe { std::slice::from_raw_parts(data.audio_frames, bytes) };
    let audio = Audio { sample_rate: data.sample_rate, channels: data.num_channels, bytes };
    tell(delegate.addr(), |listener| listener.audio(renderer, audio));
}

unsafe extern "C" fn on_written(delegate: *mut c_void, _: u64, _: usize) {
    tell(delegate.addr(), |listener| listener.written());
}

/// A call client. It stays on the thread that created it; dropping it destroys it, which may take as long
/// as a join that is under way.
pub(super) struct Client {
    library: &'static Library,
    raw: NonNull<c_void>,
}

impl Client {
    /// Creates a client whose events and audio go to the listener.
    pub(super) fn create(library: &'static Library, listener: &Registration) -> Option<Self> {
        let delegate =
            CallClientDelegate { ptr: as_delegate(listener), on_event, on_audio_data, on_video_frame: None };
        // SAFETY: the context exists. The delegate is a number to us and nothing to the library; the video
        // callback may be absent as long as no video renderer is set, and none ever is.
        unsafe {
            let raw = NonNull::new((library.functions.call_client_create)())?;
            (library.functions.call_client_set_delegate)(raw.as_ptr(), delegate);
            Some(Self { library, raw })
        }
    }

    /// Joins a room. Answered by the completion of the request.
    pub(super) fn join(&self, request: u64, url: &CStr, token: &CStr, settings: &CStr) {
        let join = self.library.functions.call_client_join;
        // SAFETY: the client is alive until it is dropped; the library copies texts before it returns, as
        // daily-python, which frees them then, shows. The same holds for all requests below.
        unsafe { join(self.raw.as_ptr(), request, url.as_ptr(), token.as_ptr(), settings.as_ptr()) }
    }

    /// Leaves the room. Answered by the completion of the request, after any join under way.
    pub(super) fn leave(&self, request: u64) {
        // SAFETY: see `join`.
        unsafe { (self.library.functions.call_client_leave)(self.raw.as_ptr(), request) }
    }

    /// Sets our name in the room.
    pub(super) fn set_user_name(&self, request: u64, name: &CStr) {
        self.request(self.library.functions.call_client_set_user_name, request, name);
    }

    /// Sets what is subscribed to of participants that have no setting of their own.
    pub(super) fn update_subscription_profiles(&self, request: u64, profiles: &CStr) {
        self.request(self.library.functions.call_client_update_subscription_profiles, request, profiles);
    }

    /// Publishes or unpublishes.
    pub(super) fn update_publishing(&self, request: u64, publishing: &CStr) {
        self.request(self.library.functions.call_client_update_publishing, request, publishing);
    }

    /// Commands a leg. The text is JSON, but for a stop: that takes the bare session id.
    pub(super) fn command_leg(&self, function: LegFunction, request: u64, text: &CStr) {
        let functions = &self.library.functions;
        let function = match function {
            LegFunction::Start => functions.call_client_start_dialout,
            LegFunction::Stop => functions.call_client_stop_dialout,
            LegFunction::Keys => functions.call_client_send_dtmf,
            LegFunction::Transfer => functions.call_client_sip_call_transfer,
            LegFunction::Refer => functions.call_client_sip_refer,
        };
        self.request(function, request, text);
    }

    /// Sets what is subscribed to of single participants.
    pub(super) fn update_subscriptions(&self, request: u64, participants: &CStr) {
        let update = self.library.functions.call_client_update_subscriptions;
        // SAFETY: see `join`; the profiles may be NULL (daily-python passes it for those not given).
        unsafe { update(self.raw.as_ptr(), request, participants.as_ptr(), null()) }
    }

    /// Wants a participant's microphone as audio of this rate, under the number `request`.
    pub(super) fn render_microphone(&self, request: u64, participant: &CStr, sample_rate: u32) {
        let render = self.library.functions.call_client_set_participant_audio_renderer;
        let source = c"microphone".as_ptr();
        // SAFETY: see `join`; the delegate has the audio callback that the header asks for.
        unsafe { render(self.raw.as_ptr(), request, request, participant.as_ptr(), source, sample_rate) }
    }

    fn request(&self, function: Request, request: u64, text: &CStr) {
        // SAFETY: see `join`.
        unsafe { function(self.raw.as_ptr(), request, text.as_ptr()) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: created by `call_client_create`, destroyed only here.
        unsafe { (self.library.functions.call_client_destroy)(self.raw.as_ptr()) }
    }
}

/// A microphone of our own: an audio source, which plays silence when nothing is written, and its track.
pub(super) struct Microphone {
    library: &'static Library,
    source: NonNull<c_void>,
    track: NonNull<c_void>,
    sample_rate: i32,
}

impl Microphone {
    /// Creates one, mono.
    pub(super) fn create(library: &'static Library, sample_rate: i32) -> Option<Self> {
        let functions = &library.functions;
        // SAFETY: the context exists. What is created is released as `drop` does it, also half-way.
        unsafe {
            let source = (functions.context_create_custom_audio_source_with_silence)(sample_rate, 1);
            let source = NonNull::new(source)?;
            let Some(track) = NonNull::new((functions.context_create_custom_audio_track)(source.as_ptr()))
            else {
                (functions.context_track_release)(source.as_ptr());
                return None;
            };
            Some(Self { library, source, track, sample_rate })
        }
    }

    /// The track's id, by which a client is told to take it as its microphone.
    pub(super) fn id(&self) -> Option<CString> {
        let functions = &self.library.functions;
        // SAFETY: the track is alive. The text is a new one at every call and ours, as are those of all
        // getters since there is a function to free them; it is read before it is freed.
        unsafe {
            let id = NonNull::new((functions.context_custom_audio_track_id)(self.track.as_ptr()))?;
            let copy = CStr::from_ptr(id.as_ptr()).to_owned();
            (functions.string_free)(id.as_ptr());
            Some(copy)
        }
    }

    /// Writes samples, to be played after those written before; the listener is told when they were.
    /// Returns whether they were taken.
    pub(super) fn write(&self, samples: &[i16], listener: &Registration) -> bool {
        let write = self.library.functions.context_custom_audio_source_write_frames_async;
        let (source, target) = (self.source.as_ptr(), as_delegate(listener));
        // SAFETY: the source is alive, the samples are 16-bit mono and as many as said, and the library
        // copies them (daily-python frees its buffer right after this call).
        let taken = unsafe {
            write(
                source,
                samples.as_ptr().cast(),
                SAMPLE_BITS as i32,
                self.sample_rate,
                1,
                samples.len(),
                0,
                on_written,
                target,
            )
        };
        taken >= 0
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        let functions = &self.library.functions;
        // SAFETY: created in `create`, released only here. Destroying a track only takes it off the
        // library's list; it and its source are counted references of which we hold one each. Any other
        // sequence that was tried leaks two threads.
        unsafe {
            (functions.context_destroy_custom_audio_track)(self.track.as_ptr());
            (functions.context_track_release)(self.track.as_ptr());
            (functions.context_track_release)(self.source.as_ptr());
        }
    }
}
