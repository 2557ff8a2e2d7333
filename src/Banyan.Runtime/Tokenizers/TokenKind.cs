namespace Banyan.Runtime.Tokenizers;

/// <summary>The kind of a token; the numbers are GGUF's <c>tokenizer.ggml.token_type</c>.</summary>
enum TokenKind : byte
{
    /// <summary>Not specified.</summary>
    Undefined = 0,

    /// <summary>A piece of text.</summary>
    Normal = 1,

    /// <summary>Stands for text that the vocabulary cannot express.</summary>
    Unknown = 2,

    /// <summary>A control token, such as <c>&lt;|im_start|&gt;</c>; text becomes it only if the caller allows it.</summary>
    Control = 3,

    /// <summary>Added to the vocabulary by hand; always matched in text, before anything else.</summary>
    UserDefined = 4,

    /// <summary>An unused id of the vocabulary.</summary>
    Unused = 5,

    /// <summary>One byte, <c>&lt;0xXX&gt;</c>, for characters that have no token.</summary>
    Byte = 6,
}
