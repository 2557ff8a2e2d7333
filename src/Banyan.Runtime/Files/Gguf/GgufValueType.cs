namespace Banyan.Runtime.Files.Gguf;

/// <summary>GGUF's metadata types by their numbers in the file.</summary>
enum GgufValueType : uint
{
    UInt8,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    Float32,
    Bool,
    String,
    Array,
    UInt64,
    Int64,
    Float64,
}
