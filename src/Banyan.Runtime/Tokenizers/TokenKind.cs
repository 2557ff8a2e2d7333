namespace Banyan.Runtime.Tokenizers;

/// <summary>What a token is for; the numbers are GGUF's <c>tokenizer.ggml.token_type</c>.</summary>
enum TokenKind : byte
{
    /// <summary>Not said.</summary>
    Undefined = 0,

    /// <summary>A piece of text.</summary>
    Normal = 1,

    /// <summary>Stands for what the vocabulary cannot write.</summary>
    Unknown = 2,

    /// <summary>A mark for the model, such as <c>&lt;|im_start|&gt;</c>; text becomes it only where the caller lets it.</summary>
    Control = 3,

    /// <summary>Added to the vocabulary by hand; always recognised in text, before anything else.</summary>
    UserDefined = 4,

    /// <summary>A place in the vocabulary that nothing uses.</summary>
    Unused = 5,

    /// <summary>One byte, <c>&lt;0xXX&gt;</c>, for characters that have no token.</summary>
    Byte = 6,
}
