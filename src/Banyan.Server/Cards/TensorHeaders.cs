using Banyan.Server.Files;

namespace Banyan.Server.Cards;

/// <summary>Reads the headers of safetensors and GGUF files. One may have many megabytes: two are read at a time.</summary>
sealed class TensorHeaders(HeaderWindow window)
{
    readonly SemaphoreSlim _two = new(2);

    /// <summary>Whether a file's name says that it has tensors.</summary>
    public static bool Reads(string path) => IsGguf(path) || path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);

    /// <summary>What a header says; null if it is damaged, longer than what is read, or was never uploaded.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="entry">The file.</param>
    /// <param name="table">Receives it.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<TensorTable?> ReadAsync(long repo, RepoEntry entry, TensorTable table, CancellationToken cancellationToken)
    {
        await _two.WaitAsync(cancellationToken);
        try
        {
            if (IsGguf(entry.Path))
            {
                if (await window.ReadAsync(repo, entry, GgufFacts.Window, cancellationToken) is not { } gguf
                    || GgufFacts.Read(gguf, table) is not { } facts)
                    return null;
                table.ChatTemplate = (string?)facts["chat_template"];
                return table;
            }
            return await window.ReadAsync(repo, entry, 8, cancellationToken) is { } start
                && SafetensorsFacts.HeaderBytes(start, entry.Size) is { } length
                && await window.ReadAsync(repo, entry, length, cancellationToken) is { } header
                && SafetensorsFacts.Count(header, table) is not null ? table : null;
        }
        finally
        {
            _two.Release();
        }
    }

    static bool IsGguf(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);
}
