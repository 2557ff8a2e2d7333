// Stores uncompressed, in a single file of .NET, the assemblies that every command loads: decompressing them takes longer than everything
// else that `--version` does (0.23 s, of which 0.13 remain without CoreLib's part). The SDK compresses all assemblies or none, which is 113 MB.
// The format is that of Microsoft.NET.HostModel, Bundle/Manifest.cs. Not for macOS, whose files are signed. dotnet run bundle.cs -- FILE
#:property PublishAot=false
using System.IO.Compression;

const int Page = 4096;      // uncompressed assemblies are mapped, so they begin at a page
const byte Assembly = 1;
HashSet<string> loadedAlways = ["System.Private.CoreLib.dll", "System.Runtime.dll", "System.Console.dll", "banyan.dll"];
// The host's marker: the 8 bytes before it are the offset of the list of files.
var mark = Convert.FromHexString("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae");

var program = File.ReadAllBytes(args[0]);
var pointer = program.AsSpan().IndexOf(mark) - sizeof(long);
using var list = new BinaryReader(new MemoryStream(program));
list.BaseStream.Position = BitConverter.ToInt64(program, pointer);
var (major, minor, count, id) = (list.ReadUInt32(), list.ReadUInt32(), list.ReadInt32(), list.ReadString());
if (major != 6)
    throw new InvalidDataException($"{args[0]} is a bundle of version {major}.{minor}; only version 6 is supported.");
var (dependencies, dependenciesLength, settings, settingsLength, flags)
    = (list.ReadInt64(), list.ReadInt64(), list.ReadInt64(), list.ReadInt64(), list.ReadUInt64());
var files = Enumerable.Range(0, count).Select(_ => new Entry(
    list.ReadInt64(), list.ReadInt64(), list.ReadInt64(), list.ReadByte(), list.ReadString())).ToList();

using var rewritten = new MemoryStream();
using var writer = new BinaryWriter(rewritten);
writer.Write(program, 0, (int)files.Min(f => f.Offset));
var moved = new Dictionary<long, long> { [0] = 0 };
for (var i = 0; i < count; i++)
{
    var file = files[i];
    var bytes = program.AsSpan((int)file.Offset, (int)(file.Compressed > 0 ? file.Compressed : file.Length)).ToArray();
    if (file.Compressed > 0 && loadedAlways.Remove(file.Path))
    {
        var plain = new byte[file.Length];
        using var unpacking = new DeflateStream(new MemoryStream(bytes), CompressionMode.Decompress);
        unpacking.ReadExactly(plain);
        (bytes, file) = (plain, file with { Compressed = 0 });
    }
    if (file is { Kind: Assembly, Compressed: 0 })
        writer.Write(new byte[(Page - rewritten.Position % Page) % Page]);
    files[i] = file with { Offset = moved[file.Offset] = rewritten.Position };
    writer.Write(bytes);
}
if (loadedAlways.Count > 0)
    throw new InvalidDataException($"{args[0]} does not contain {string.Join(", ", loadedAlways)} as compressed files.");

var end = rewritten.Position;
writer.Write(major);
writer.Write(minor);
writer.Write(count);
writer.Write(id);
writer.Write(moved[dependencies]);
writer.Write(dependenciesLength);
writer.Write(moved[settings]);
writer.Write(settingsLength);
writer.Write(flags);
foreach (var file in files)
{
    writer.Write(file.Offset);
    writer.Write(file.Length);
    writer.Write(file.Compressed);
    writer.Write(file.Kind);
    writer.Write(file.Path);
}
rewritten.Position = pointer;
writer.Write(end);
File.WriteAllBytes(args[0], rewritten.ToArray());

record Entry(long Offset, long Length, long Compressed, byte Kind, string Path);
