//! The types of a component's functions, apart from the engine: bounded, and free of resources.

use wasmtime::component::{Type, Val};

/// How deep types may nest.
const DEPTH_MAX: usize = 32;
/// Of one function, all its parameters and its result together. Types share parts, so that a few bytes of component can
/// describe a type of any size.
const NODES_MAX: usize = 2048;

/// A type whose values can be written as JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Bool,
    Int(Int),
    Float32,
    Float64,
    Char,
    String,
    /// `list<u8>`.
    Bytes,
    List(Box<Shape>),
    Record(Vec<(Box<str>, Shape)>),
    Tuple(Vec<Shape>),
    Variant(Vec<(Box<str>, Option<Shape>)>),
    Enum(Vec<Box<str>>),
    Flags(Vec<Box<str>>),
    Option(Box<Shape>),
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
}

/// The integer types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Int {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

/// What is left to be spent on one function's types.
pub(crate) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(NODES_MAX)
    }
}

impl Shape {
    /// The shape of a type, or why it has none.
    pub(crate) fn of(ty: &Type, budget: &mut Budget) -> Result<Self, &'static str> {
        Self::at(ty, budget, 0)
    }

    fn at(ty: &Type, budget: &mut Budget, depth: usize) -> Result<Self, &'static str> {
        if depth > DEPTH_MAX {
            return Err("its types nest too deep");
        }
        budget.0 = budget.0.checked_sub(1).ok_or("its types are too large")?;
        let mut inner = |ty: &Type| Self::at(ty, budget, depth + 1);
        Ok(match ty {
            Type::Bool => Self::Bool,
            Type::S8 => Self::Int(Int::S8),
            Type::U8 => Self::Int(Int::U8),
            Type::S16 => Self::Int(Int::S16),
            Type::U16 => Self::Int(Int::U16),
            Type::S32 => Self::Int(Int::S32),
            Type::U32 => Self::Int(Int::U32),
            Type::S64 => Self::Int(Int::S64),
            Type::U64 => Self::Int(Int::U64),
            Type::Float32 => Self::Float32,
            Type::Float64 => Self::Float64,
            Type::Char => Self::Char,
            Type::String => Self::String,
            Type::List(list) => match list.ty() {
                Type::U8 => Self::Bytes,
                element => Self::List(Box::new(inner(&element)?)),
            },
            Type::Record(record) => {
                Self::Record(record.fields().map(|field| Ok((field.name.into(), inner(&field.ty)?))).collect::<Result<_, &'static str>>()?)
            }
            Type::Tuple(tuple) => Self::Tuple(tuple.types().map(|ty| inner(&ty)).collect::<Result<_, _>>()?),
            Type::Variant(variant) => Self::Variant(
                variant
                    .cases()
                    .map(|case| Ok((case.name.into(), case.ty.as_ref().map(&mut inner).transpose()?)))
                    .collect::<Result<_, &'static str>>()?,
            ),
            Type::Enum(names) => Self::Enum(names.names().map(Into::into).collect()),
            Type::Flags(names) => Self::Flags(names.names().map(Into::into).collect()),
            Type::Option(option) => Self::Option(Box::new(inner(&option.ty())?)),
            Type::Result(result) => {
                let mut payload = |ty: Option<Type>| ty.map(|ty| inner(&ty).map(Box::new)).transpose();
                Self::Result(payload(result.ok())?, payload(result.err())?)
            }
            Type::Own(_) | Type::Borrow(_) => return Err("it uses a resource"),
            Type::Future(_) => return Err("it uses a future"),
            Type::Stream(_) => return Err("it uses a stream"),
            Type::ErrorContext => return Err("it uses an error context"),
            Type::Map(_) => return Err("it uses a map"),
            Type::FixedLengthList(_) => return Err("it uses a list of fixed length"),
        })
    }

    /// Whether a record's field of this type may be left out.
    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Self::Option(_))
    }
}

impl Int {
    /// The least and the greatest.
    pub(crate) fn range(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (0, u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
        }
    }

    /// Whether some of its values are not exact as the doubles that most readers of JSON have for numbers.
    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Self::S64 | Self::U64)
    }

    pub(crate) fn val(self, number: i128) -> Option<Val> {
        Some(match self {
            Self::S8 => Val::S8(number.try_into().ok()?),
            Self::U8 => Val::U8(number.try_into().ok()?),
            Self::S16 => Val::S16(number.try_into().ok()?),
            Self::U16 => Val::U16(number.try_into().ok()?),
            Self::S32 => Val::S32(number.try_into().ok()?),
            Self::U32 => Val::U32(number.try_into().ok()?),
            Self::S64 => Val::S64(number.try_into().ok()?),
            Self::U64 => Val::U64(number.try_into().ok()?),
        })
    }
}
