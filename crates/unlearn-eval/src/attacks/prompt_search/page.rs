//! A search's page: the doc comment of its struct, as a constant.

/// Declares a configuration struct whose doc comment is also its `PAGE`.
macro_rules! documented {
    ($(#[doc = $line:literal])+ #[derive($($derive:tt)*)] #[serde($($serde:tt)*)] pub struct $name:ident $body:tt) => {
        $(#[doc = $line])+
        #[derive($($derive)*)]
        #[serde($($serde)*)]
        pub struct $name $body

        impl $name {
            /// This search's page in the manual.
            pub const PAGE: &'static str = concat!($($line, "\n"),+);
        }
    };
}
pub(super) use documented;
