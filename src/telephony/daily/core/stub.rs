//! Reads which names a shared library exports and lacks, and builds a library of the lacking ones.
//!
//! Daily publishes its media library as a Python extension: it names 110 functions and objects of the
//! interpreter, which only its Python module uses, and the loader refuses it without them. A tiny ELF file
//! that defines those names, each as nothing, is enough; see `docs/daily.md`. Nothing here runs or loads.

use std::collections::BTreeSet;

/// A name that is no interpreter's and that some libraries lack all the same: the routine by which code for
/// arm64's matrix unit saves that unit's state. It comes with newer compilers' `libgcc`. Its one caller in
/// Daily's library calls it only if somebody has state to be saved; nobody in this process has.
const ARM_SAVE: &str = "__arm_tpidr2_save";
/// `ret` of arm64.
const ARM_RET: [u8; 4] = 0xd65f_03c0_u32.to_le_bytes();

/// Processors that Daily publishes the library for, as ELF numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// `EM_X86_64`.
    X86_64 = 62,
    /// `EM_AARCH64`.
    Aarch64 = 183,
}

impl Machine {
    /// The one this program runs on, if Daily publishes a library for it.
    pub(super) fn here() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }
}

/// What a shared library has and lacks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Symbols {
    /// Names it exports.
    pub(super) exported: BTreeSet<String>,
    /// Names it lacks and that no library it asks for will bring: the interpreter's, and [`ARM_SAVE`].
    pub(super) lacking: BTreeSet<String>,
}

/// Why a file is not a shared library for this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotALibrary {
    /// No 64-bit little-endian ELF file, or a damaged one.
    #[error("it is not a shared library")]
    Damaged,
    /// For another processor.
    #[error("it is for another processor")]
    OtherMachine,
}

/// Reads a file's dynamic symbols.
pub(super) fn symbols(file: &[u8], machine: Machine) -> Result<Symbols, NotALibrary> {
    let elf = Elf { file };
    if file.get(..6) != Some(b"\x7fELF\x02\x01".as_slice()) {
        return Err(NotALibrary::Damaged);
    }
    if elf.u16(18).ok_or(NotALibrary::Damaged)? != machine as u16 {
        return Err(NotALibrary::OtherMachine);
    }
    elf.symbols().ok_or(NotALibrary::Damaged)
}

/// Offsets and sizes as in the ELF-64 object file format.
struct Elf<'a> {
    file: &'a [u8],
}

const SHT_DYNSYM: u32 = 11;
const SHT_GNU_VERSYM: u32 = 0x6fff_ffff;
const SYM_SIZE: usize = 24;
const STB_GLOBAL: u8 = 1;
/// Below it a symbol has no version: 0 is local, 1 is global.
const FIRST_VERSION: u16 = 2;

struct Section<'a> {
    kind: u32,
    link: u32,
    bytes: &'a [u8],
}

impl<'a> Elf<'a> {
    fn symbols(&self) -> Option<Symbols> {
        let table = self.section_of(SHT_DYNSYM)?;
        let names = self.section(table.link)?.bytes;
        let versions = self.section_of(SHT_GNU_VERSYM).map(|section| section.bytes);
        let mut found = Symbols { exported: BTreeSet::new(), lacking: BTreeSet::new() };
        for (n, symbol) in table.bytes.chunks_exact(SYM_SIZE).enumerate().skip(1) {
            let symbol = Elf { file: symbol };
            let name = text(names, symbol.u32(0)?)?;
            let binding = symbol.file[4] >> 4;
            let is_defined = symbol.u16(6)? != 0;
            let version = versions.and_then(|bytes| Elf { file: bytes }.u16(2 * n)).unwrap_or(0) & 0x7fff;
            if is_defined {
                found.exported.insert(name.to_owned());
            } else if binding == STB_GLOBAL && version < FIRST_VERSION && is_ours_to_bring(name) {
                found.lacking.insert(name.to_owned());
            }
        }
        Some(found)
    }

    fn section_of(&self, kind: u32) -> Option<Section<'a>> {
        let count = self.u16(60)?;
        (0..u32::from(count)).filter_map(|n| self.section(n)).find(|section| section.kind == kind)
    }

    fn section(&self, n: u32) -> Option<Section<'a>> {
        let start = usize::try_from(self.u64(40)?).ok()?;
        let size = usize::from(self.u16(58)?);
        let at = start.checked_add(size.checked_mul(usize::try_from(n).ok()?)?)?;
        let header = Elf { file: self.file.get(at..at.checked_add(64)?)? };
        let from = usize::try_from(header.u64(24)?).ok()?;
        let length = usize::try_from(header.u64(32)?).ok()?;
        let kind = header.u32(4)?;
        let bytes = self.file.get(from..from.checked_add(length)?).unwrap_or_default();
        Some(Section { kind, link: header.u32(40)?, bytes })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.file.get(at..at.checked_add(N)?)?.try_into().ok()
    }
}

fn text(names: &[u8], at: u32) -> Option<&str> {
    let rest = names.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&rest[..end]).ok()
}

fn is_ours_to_bring(name: &str) -> bool {
    name.starts_with("Py") || name.starts_with("_Py") || name == ARM_SAVE
}

/// Where the second segment begins: larger than any page of the machines.
const DATA_AT: usize = 0x1_0000;
const HEADERS: usize = 64 + 4 * 56;
/// Bytes behind each name. Nobody reads them; two names must not be one place.
const OBJECT: usize = 8;

/// A shared library that defines the names: the interpreter's as zeros, which a call would fault on, and
/// [`ARM_SAVE`] as a function that returns at once.
pub(super) fn library(names: &BTreeSet<String>, machine: Machine) -> Vec<u8> {
    let mut strings = vec![0_u8];
    let mut table = vec![0_u8; SYM_SIZE];
    let count = names.len() + 1;
    let hash_at = HEADERS;
    let table_at = (hash_at + 4 * (2 + 2 * count)).next_multiple_of(8);
    let strings_at = table_at + SYM_SIZE * count;
    let strings_length = 1 + names.iter().map(|name| name.len() + 1).sum::<usize>();
    let code_at = (strings_at + strings_length).next_multiple_of(16);
    let objects_at = DATA_AT + DYNAMIC.len() * 16;

    for (n, name) in names.iter().enumerate() {
        let (kind, section, at) =
            if name == ARM_SAVE { (2, 1_u16, code_at) } else { (1, 2, objects_at + n * OBJECT) };
        table.extend(four(strings.len()));
        table.extend([STB_GLOBAL << 4 | kind, 0]);
        table.extend(section.to_le_bytes());
        table.extend(eight(at));
        table.extend(eight(OBJECT));
        strings.extend(name.as_bytes());
        strings.push(0);
    }

    let has_code = names.contains(ARM_SAVE);
    let objects_end = objects_at + names.len() * OBJECT;
    let dynamic_end = objects_at;
    let readable = if has_code { PF_R | PF_X } else { PF_R };
    let text_end = code_at + ARM_RET.len();
    let mut file = header(machine);
    file.extend(segment(PT_LOAD, readable, 0, text_end, text_end, DATA_AT));
    file.extend(segment(
        PT_LOAD,
        PF_R | PF_W,
        DATA_AT,
        dynamic_end - DATA_AT,
        objects_end - DATA_AT,
        DATA_AT,
    ));
    file.extend(segment(PT_DYNAMIC, PF_R | PF_W, DATA_AT, dynamic_end - DATA_AT, dynamic_end - DATA_AT, 8));
    // Without this, the loader takes it that the stack must be executable, and newer ones refuse.
    file.extend(segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 16));
    file.extend(hash_table(names));
    file.resize(table_at, 0);
    file.extend(table);
    file.extend(strings);
    file.resize(code_at, 0);
    file.extend(ARM_RET);
    file.resize(DATA_AT, 0);
    let places = [hash_at, table_at, SYM_SIZE, strings_at, strings_length, 0];
    for (tag, value) in DYNAMIC.into_iter().zip(places) {
        file.extend(eight(tag));
        file.extend(eight(value));
    }
    file
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_GNU_STACK: u32 = 0x6474_e551;
const PF_X: u32 = 1;
const PF_W: u32 = 2;
const PF_R: u32 = 4;
/// `DT_HASH`, `DT_SYMTAB`, `DT_SYMENT`, `DT_STRTAB`, `DT_STRSZ`, `DT_NULL`.
const DYNAMIC: [usize; 6] = [4, 6, 11, 5, 10, 0];

fn header(machine: Machine) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend(3_u16.to_le_bytes()); // a shared object
    bytes.extend((machine as u16).to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(eight(0)); // no entry point
    bytes.extend(eight(64)); // program headers follow
    bytes.extend(eight(0)); // no section headers
    bytes.extend(four(0));
    for half in [64_u16, 56, 4, 64, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    bytes
}

fn segment(kind: u32, flags: u32, at: usize, in_file: usize, in_memory: usize, align: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(56);
    bytes.extend(kind.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    for value in [at, at, at, in_file, in_memory, align] {
        bytes.extend(eight(value));
    }
    bytes
}

/// The System V table: as many buckets as names, each the head of a chain.
fn hash_table(names: &BTreeSet<String>) -> Vec<u8> {
    let count = names.len() + 1;
    let mut buckets = vec![0_u32; count];
    let mut chains = vec![0_u32; count];
    for (n, name) in (1_u32..).zip(names) {
        let bucket = hash(name) as usize % count;
        chains[n as usize] = std::mem::replace(&mut buckets[bucket], n);
    }
    let size = u32::try_from(count).unwrap_or(u32::MAX);
    [size, size].into_iter().chain(buckets).chain(chains).flat_map(u32::to_le_bytes).collect()
}

fn hash(name: &str) -> u32 {
    name.bytes().fold(0_u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

fn four(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

fn eight(value: usize) -> [u8; 8] {
    (value as u64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOCAL: u16 = 0;
    const UNVERSIONED: u16 = 1;
    const WEAK: u8 = 2;

    /// A shared library with these dynamic symbols: name, binding, whether it is defined, version.
    fn with_symbols(symbols: &[(&str, u8, bool, u16)]) -> Vec<u8> {
        let mut names = vec![0_u8];
        let mut table = vec![0_u8; SYM_SIZE];
        let mut versions = LOCAL.to_le_bytes().to_vec();
        for (name, binding, is_defined, version) in symbols {
            table.extend(four(names.len()));
            table.extend([binding << 4, 0]);
            table.extend(u16::from(*is_defined).to_le_bytes());
            table.extend([0; 16]);
            versions.extend(version.to_le_bytes());
            names.extend(name.as_bytes());
            names.push(0);
        }
        let mut file = header(Machine::X86_64);
        let mut sections = vec![0_u8; 64];
        for (kind, link, content) in
            [(SHT_DYNSYM, 2_u32, table), (3, 0, names), (SHT_GNU_VERSYM, 1, versions)]
        {
            let mut section = vec![0_u8; 64];
            section[4..8].copy_from_slice(&kind.to_le_bytes());
            section[24..32].copy_from_slice(&eight(file.len()));
            section[32..40].copy_from_slice(&eight(content.len()));
            section[40..44].copy_from_slice(&link.to_le_bytes());
            sections.extend(section);
            file.extend(content);
        }
        let at = file.len();
        file[40..48].copy_from_slice(&eight(at));
        file[60..62].copy_from_slice(&4_u16.to_le_bytes());
        file.extend(sections);
        file
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn example() -> Vec<u8> {
        with_symbols(&[
            ("daily_core_call_client_create", STB_GLOBAL, true, UNVERSIONED),
            ("PyBool_Type", STB_GLOBAL, false, UNVERSIONED),
            ("_Py_NoneStruct", STB_GLOBAL, false, UNVERSIONED),
            ("PyInit_daily", STB_GLOBAL, true, UNVERSIONED),
            ("PyOptional", WEAK, false, UNVERSIONED),
            ("malloc", STB_GLOBAL, false, 0x8002),
            ("PyFromElsewhere", STB_GLOBAL, false, 3),
            ("somebody_else_s", STB_GLOBAL, false, UNVERSIONED),
            (ARM_SAVE, STB_GLOBAL, false, UNVERSIONED),
        ])
    }

    #[test]
    fn only_names_that_nobody_else_brings_are_lacking() {
        let found = symbols(&example(), Machine::X86_64).unwrap();
        assert_eq!(found.exported, set(&["daily_core_call_client_create", "PyInit_daily"]));
        assert_eq!(found.lacking, set(&["PyBool_Type", "_Py_NoneStruct", ARM_SAVE]));
    }

    #[test]
    fn another_processor_s_library_and_no_library_are_told_apart() {
        assert_eq!(symbols(&example(), Machine::Aarch64), Err(NotALibrary::OtherMachine));
        for bad in [b"".as_slice(), b"\x7fELF", b"PK\x03\x04 a wheel", &header(Machine::X86_64)] {
            assert_eq!(symbols(bad, Machine::X86_64), Err(NotALibrary::Damaged));
        }
    }

    #[test]
    fn every_name_is_found_through_the_hash_table() {
        let names: BTreeSet<String> = (0..111).map(|n| format!("PyName_{n}")).collect();
        let names: Vec<_> = names.into_iter().collect();
        let table = hash_table(&names.iter().cloned().collect());
        let word = |n: usize| Elf { file: &table }.u32(4 * n).unwrap() as usize;
        let count = word(0);
        assert_eq!((count, word(1)), (112, 112));
        for (n, name) in names.iter().enumerate() {
            let mut at = word(2 + hash(name) as usize % count);
            let mut steps = 0;
            while at != n + 1 {
                assert_ne!(at, 0, "{name} is not found");
                at = word(2 + count + at);
                steps += 1;
                assert!(steps < count, "the chain is a circle");
            }
        }
    }

    /// Values of the System V hash as in the ELF specification's function, computed by hand.
    #[test]
    fn the_hash_is_the_specification_s() {
        assert_eq!(hash(""), 0);
        assert_eq!(hash("ab"), 0x672);
        assert_eq!(hash("printf"), 0x077_905a6);
    }

    #[test]
    fn code_is_executable_only_where_there_is_code_and_nothing_else_ever_is() {
        for (names, executable) in [(set(&["PyX"]), 0), (set(&["PyX", ARM_SAVE]), 1)] {
            let file = library(&names, Machine::Aarch64);
            let flags: Vec<_> =
                (0..4).map(|n| Elf { file: &file }.u32(64 + 56 * n + 4).unwrap() & PF_X).collect();
            assert_eq!(flags, [executable, 0, 0, 0]);
        }
    }

    proptest! {
        #[test]
        fn a_damaged_file_never_makes_it_panic(at in 0_usize..600, value: u8, cut in 0_usize..1200) {
            let mut file = example();
            let at = at % file.len();
            file[at] = value;
            file.truncate(cut);
            let _ = symbols(&file, Machine::X86_64);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut file = b"\x7fELF\x02\x01".to_vec();
            file.extend(bytes);
            let _ = symbols(&file, Machine::X86_64);
        }
    }
}
