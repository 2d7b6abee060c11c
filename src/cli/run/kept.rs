//! Where sentences that are the same in every call are kept as audio: each vendor's voices have a cache of their own.
//!
//! Those of a real voice are paid for once: they lie in the user's cache folder, by the place where the voice is. What
//! an emulated voice says ends with the process.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::folders;
use crate::plan::Provider;
use crate::settings::{self, Vendor};
use crate::speech::prompts::PromptCache;

/// The caches of this process.
pub(in crate::cli) struct Kept {
    deepgram: Arc<PromptCache>,
    openai: Arc<PromptCache>,
    cartesia: Arc<PromptCache>,
}

impl Kept {
    /// Those of the user.
    pub(in crate::cli) fn of(vendors: &settings::Vendors) -> Self {
        let cache = folders::cache(&|name| std::env::var_os(name)?.into_string().ok());
        Self::under(cache.map(|cache| cache.join("prompts")), vendors)
    }

    fn under(root: Option<PathBuf>, vendors: &settings::Vendors) -> Self {
        let cache = |service, vendor: &Vendor| {
            let folder = match vendor {
                // A voice that nobody uses is not read into memory.
                Vendor::Real { base_url, .. } if vendors.uses.voice.contains(&service) => {
                    root.as_ref().map(|root| root.join(name_of(base_url)))
                }
                Vendor::Real { .. } | Vendor::Emulated | Vendor::Elsewhere => None,
            };
            Arc::new(folder.map_or_else(PromptCache::in_memory, PromptCache::on_disk))
        };
        Self {
            deepgram: cache(settings::Service::Deepgram, &vendors.deepgram),
            openai: cache(settings::Service::OpenAi, &vendors.openai_audio),
            cartesia: cache(settings::Service::Cartesia, &vendors.cartesia),
        }
    }

    /// That of a vendor's voices.
    pub(super) fn by(&self, provider: Provider) -> &Arc<PromptCache> {
        match provider {
            Provider::Deepgram | Provider::DeepgramFlux => &self.deepgram,
            Provider::OpenAi => &self.openai,
            Provider::Cartesia => &self.cartesia,
        }
    }
}

fn name_of(base_url: &str) -> String {
    base_url.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pii::ApiKey;
    use crate::settings::{DialOutPath, Media, Service, Uses};
    use crate::speech::prompts::{Prompt, VoiceKey};

    fn real(base_url: &str) -> Vendor {
        Vendor::Real { base_url: base_url.to_owned(), key: ApiKey::new("k") }
    }

    /// All keep the same sentence.
    fn folders(vendors: &settings::Vendors, name: &str) -> Vec<String> {
        let root = std::env::temp_dir().join(format!("callflow-{}-kept-{name}", std::process::id()));
        let kept = Kept::under(Some(root.clone()), vendors);
        for provider in [Provider::Cartesia, Provider::Deepgram, Provider::OpenAi] {
            let voice =
                VoiceKey { provider: "p".into(), model: "m".into(), voice: None, language: "en".into() };
            kept.by(provider).put(voice.key("Hello."), Prompt { samples: vec![1; 320], words: Vec::new() });
        }
        let Ok(entries) = std::fs::read_dir(&root) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        std::fs::remove_dir_all(root).unwrap();
        names
    }

    #[test]
    fn each_real_voice_has_a_folder_of_its_own_whoever_is_named_first() {
        let vendors = |voice: Vec<Service>| settings::Vendors {
            telephony: Vendor::Emulated,
            deepgram: real("https://api.deepgram.com"),
            cartesia: real("https://api.cartesia.ai"),
            openai: Vendor::Emulated,
            openai_audio: Vendor::Emulated,
            uses: Uses { hearing: Vec::new(), voice, model: false, own_model: false },
            media: Media::SandboxRoom,
            dial_out: DialOutPath::Rest,
            offline: false,
        };
        let both = ["https---api-cartesia-ai", "https---api-deepgram-com"];
        let uses = vec![Service::Cartesia, Service::Deepgram, Service::OpenAi];
        assert_eq!(folders(&vendors(uses.clone()), "forwards"), both);
        assert_eq!(folders(&vendors(uses.into_iter().rev().collect()), "backwards"), both);
        assert_eq!(folders(&vendors(vec![Service::OpenAi]), "emulated"), [""; 0]);
    }
}
