//! Where a user's files are, as the XDG base directory specification has it. Makes no folder and looks into none.

use std::path::PathBuf;

/// Asks for a variable of the environment.
type GetEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The folder for what can be made again: `$XDG_CACHE_HOME/callflow`, else `~/.cache/callflow`. None without a home.
pub(super) fn cache(env: GetEnv<'_>) -> Option<PathBuf> {
    Some(folder(env, "XDG_CACHE_HOME", ".cache")?.join("callflow"))
}

/// The folder for data of all programs: `$XDG_DATA_HOME`, else `~/.local/share`. None without a home.
pub(super) fn data(env: GetEnv<'_>) -> Option<PathBuf> {
    folder(env, "XDG_DATA_HOME", ".local/share")
}

/// A relative path in a variable is to be ignored, says the specification.
fn folder(env: GetEnv<'_>, variable: &str, at_home: &str) -> Option<PathBuf> {
    let absolute = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(at_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_folder_is_as_good_as_none() {
        let at = |xdg: Option<&'static str>, home: Option<&'static str>| {
            cache(&|name| {
                let value = if name == "HOME" { home } else { xdg };
                value.map(str::to_owned)
            })
        };
        let (own, usual) = (Some("/own/callflow".into()), Some("/home/a/.cache/callflow".into()));
        assert_eq!(at(Some("/own"), Some("/home/a")), own);
        assert_eq!(at(Some("own"), Some("/home/a")), usual);
        assert_eq!(at(None, Some("/home/a")), usual);
        assert_eq!(at(None, Some("")), None);
        assert_eq!(at(Some("own"), None), None);
    }
}
