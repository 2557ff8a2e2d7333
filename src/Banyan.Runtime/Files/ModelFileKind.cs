namespace Banyan.Runtime.Files;

/// <summary>
/// What kind of file the weights are in. It matters to the llama family: its q and k rows are in pairs for interleaved rotation in GGUF, in
/// halves in safetensors.
/// </summary>
public enum ModelFileKind
{
    /// <summary>GGUF, version 2 or 3, one file or a split set.</summary>
    Gguf,

    /// <summary>safetensors with config.json beside it, one file or shards with an index.</summary>
    Safetensors,
}
