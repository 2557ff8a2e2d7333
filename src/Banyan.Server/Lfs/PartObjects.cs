using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Lfs;

/// <summary>The parts of an upload, one after the other, as one stream.</summary>
sealed class PartObjects(IObjectStore objects, IReadOnlyList<string> keys) : ReadStream
{
    public const string Folder = "uploads/";

    Stream? _part;
    int _next;

    /// <summary>The key of a part until the upload is complete; separate for each repository, so that none reads another's parts.</summary>
    public static string Key(LfsTicket upload, int part, Sha256 sha256) => $"{Prefix(upload)}{part}-{sha256}";

    /// <summary>What the keys of an upload's parts begin with.</summary>
    public static string Prefix(LfsTicket upload) => $"{Folder}{upload.Repo}-{upload.Oid}/";

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_part is null)
            {
                if (_next == keys.Count)
                    return 0;
                _part = await objects.OpenAsync(keys[_next], 0, null, cancellationToken)
                    ?? throw HubException.BadRequest($"Part {_next + 1} was not uploaded, or lay here too long.");
                _next++;
            }
            if (await _part.ReadAsync(buffer, cancellationToken) is var read and > 0)
                return read;
            await _part.DisposeAsync();
            _part = null;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (_part is not null)
            await _part.DisposeAsync();
        await base.DisposeAsync();
    }
}
