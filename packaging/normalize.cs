// Rewrites NuGet packages so that the same content gives the same bytes: entries in order, one time for all, and a name that follows from the content
// for the one part that NuGet names at random. dotnet run normalize.cs -- EPOCH_SECONDS FILE…
#:property PublishAot=false
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

var time = DateTimeOffset.FromUnixTimeSeconds(long.Parse(args[0]));
foreach (var path in args.Skip(1))
{
    var parts = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
    using (var zip = ZipFile.OpenRead(path))
    {
        foreach (var entry in zip.Entries)
        {
            using var stream = entry.Open();
            var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            parts[entry.FullName] = bytes.ToArray();
        }
    }

    // package/services/metadata/core-properties/GUID.psmdcp, and the relation with a random id that points to it.
    var random = parts.Keys.Single(n => n.EndsWith(".psmdcp", StringComparison.Ordinal));
    var named = Path.GetDirectoryName(random)!.Replace('\\', '/') + "/" + Convert.ToHexStringLower(SHA256.HashData(parts[random]))[..32] + ".psmdcp";
    var relations = Encoding.UTF8.GetString(parts["_rels/.rels"]).Replace(random, named, StringComparison.Ordinal);
    var number = 0;
    relations = System.Text.RegularExpressions.Regex.Replace(relations, " Id=\"[^\"]*\"", _ => $" Id=\"R{++number}\"");
    (parts[named], parts["_rels/.rels"]) = (parts[random], Encoding.UTF8.GetBytes(relations));
    parts.Remove(random);

    using var written = new MemoryStream();
    using (var zip = new ZipArchive(written, ZipArchiveMode.Create, leaveOpen: true))
    {
        foreach (var (name, bytes) in parts)
        {
            var entry = zip.CreateEntry(name, CompressionLevel.Optimal);
            entry.LastWriteTime = time;
            using var stream = entry.Open();
            stream.Write(bytes);
        }
    }
    File.WriteAllBytes(path, written.ToArray());
}
