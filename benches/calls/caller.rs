//! One caller: listens to the greeting, asks something, asks again and talks over the answer, asks for a person, and
//! hangs up.

use std::time::{Duration, Instant};

use callflow::pii::PhoneNumber;
use callflow::sandbox::phone::{PAUSE_MS, Phone, PhoneEvent};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Where callers call.
pub const NUMBER: &str = "+15550100002";

/// A question for the model, and a wish that changes the state.
const SAYS: [&str; 2] = ["I need help with my bill", "I want to speak to a manager"];
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer is listened to before it is talked over.
const LISTENED: Duration = Duration::from_millis(700);
/// The bot has finished when it has been silent for so long.
const SILENCE: Duration = Duration::from_millis(1200);

/// A call that was placed.
pub struct Caller {
    phone: Phone,
    events: mpsc::Receiver<PhoneEvent>,
}

/// What came of it.
#[derive(Default)]
pub struct Conversation {
    /// One for each thing said and answered.
    pub answers: Vec<Answered>,
    /// From the moment the network took the call to hanging up.
    pub lasted: Duration,
    /// From the caller's first sound over an answer until the phone is silent.
    pub interrupted: Option<Duration>,
    /// The greeting and both answers were heard, and none was damaged.
    pub complete: bool,
}

/// Two moments at the phone.
pub struct Answered {
    /// The last frame of the caller's speech was sent.
    pub spoken: Instant,
    /// The first frame of the answer's sound came.
    pub heard: Instant,
}

impl Caller {
    /// Places a call.
    pub async fn place(origin: &str) -> Self {
        let number = |text| PhoneNumber::parse(text).expect("it is a number");
        let placed = Phone::call(origin, &number("+15550100001"), &number(NUMBER)).await;
        let (phone, events) = placed.expect("the vendors' process runs");
        Self { phone, events }
    }

    /// Holds the whole conversation.
    pub async fn talk(mut self) -> Conversation {
        let mut conversation = Conversation::default();
        if self.until(|event| *event == PhoneEvent::Connected).await.is_none() {
            return conversation;
        }
        let connected = Instant::now();
        conversation.complete = self.hold(&mut conversation).await.is_some();
        conversation.lasted = connected.elapsed();
        // The call may be over already.
        let _gone = self.phone.hang_up();
        while timeout(PATIENCE, self.events.recv()).await.is_ok_and(|event| event.is_some()) {}
        conversation
    }

    async fn hold(&mut self, conversation: &mut Conversation) -> Option<()> {
        self.listen().await?;
        for (n, words) in SAYS.into_iter().enumerate() {
            if n == 1 {
                conversation.interrupted = Some(self.interrupt().await?);
            }
            let answers = &mut conversation.answers;
            self.phone.say(words).ok()?;
            self.until(|event| *event == PhoneEvent::FinishedSaying).await?;
            let spoken = Instant::now();
            self.until(|event| *event == PhoneEvent::SoundBegan).await?;
            answers.push(Answered { spoken, heard: Instant::now() });
            self.listen().await?;
        }
        Some(())
    }

    /// Asks again, and talks over the answer. What is said then is answered, too.
    async fn interrupt(&mut self) -> Option<Duration> {
        self.phone.say(SAYS[0]).ok()?;
        self.until(|event| *event == PhoneEvent::SoundBegan).await?;
        tokio::time::sleep(LISTENED).await;
        while self.events.try_recv().is_ok() {}
        let began = Instant::now();
        self.phone.say(SAYS[0]).ok()?;
        self.until(|event| *event == PhoneEvent::SoundEnded).await?;
        let silent = began.elapsed().saturating_sub(Duration::from_millis(PAUSE_MS));
        self.listen().await?;
        Some(silent)
    }

    /// Waits until the bot has said all it has to say; `None` if it was damaged, or nothing was said.
    async fn listen(&mut self) -> Option<()> {
        self.until(|event| matches!(event, PhoneEvent::Heard { intact: true, cut: false, .. })).await?;
        while let Ok(event) = timeout(SILENCE, self.events.recv()).await {
            if let PhoneEvent::HungUp { .. } | PhoneEvent::Heard { intact: false, .. } = event? {
                return None;
            }
        }
        Some(())
    }

    async fn until(&mut self, awaited: impl Fn(&PhoneEvent) -> bool) -> Option<()> {
        let coming = async {
            loop {
                match self.events.recv().await? {
                    event if awaited(&event) => return Some(()),
                    PhoneEvent::HungUp { .. } => return None,
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, coming).await.ok().flatten()
    }
}
