using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Runtime.Tests.Files.Safetensors;
using Banyan.Tests;

namespace Banyan.Runtime.Tests.Files.Hostile;

/// <summary>
/// Valid files with random damage. A few hundred in every run; as many as fit <c>BANYAN_FUZZ_SECONDS</c> where that is set. An input that
/// breaks the promise is kept in Found/, and tried in every run from then on.
/// </summary>
public class Mutations
{
    static readonly string s_found = Path.Combine(SharedData.Repository, "tests", "Banyan.Runtime.Tests", "Files", "Hostile", "Found");

    public static TheoryData<string> Kinds =>
        ["m.gguf", "model.safetensors", "model.safetensors.index.json", "config.json", "tokenizer_config.json"];

    static Dictionary<string, byte[]> Valid(string kind)
    {
        var files = new Dictionary<string, byte[]>();
        if (kind == "m.gguf")
        {
            files[kind] = HostileGguf.Valid();
            return files;
        }
        files["config.json"] = Encoding.UTF8.GetBytes(SafetensorsTests.Config);
        files["tokenizer_config.json"] =
            """{"add_bos_token":true,"bos_token":{"content":"<s>"},"added_tokens_decoder":{"1":{"content":"<s>"}},"chat_template":[{"name":"default","template":"{{ x }}"}]}"""u8.ToArray();
        files["model.safetensors"] = SafetensorsTests.Bytes(SafetensorsTests.Model());
        if (kind == "model.safetensors.index.json")
            files[kind] =
                """{"metadata":{"total_size":8},"weight_map":{"model.norm.weight":"model.safetensors","lm_head.weight":"model.safetensors"}}"""u8.ToArray();
        return files;
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Are_read_or_refused(string kind)
    {
        var seconds = double.Parse(Environment.GetEnvironmentVariable("BANYAN_FUZZ_SECONDS") ?? "0", CultureInfo.InvariantCulture);
        using var folder = new TemporaryFolder();
        var files = Valid(kind);
        foreach (var (name, content) in files)
            folder.File(name, content);
        Assert.True(Exercise.Open(Opened(folder, kind)));
        var random = new Random(seconds > 0 ? Environment.TickCount : 7);
        var watch = Stopwatch.StartNew();
        for (var round = 0; round < 400 || watch.Elapsed.TotalSeconds < seconds; round++)
        {
            var mutant = Mutate(files[kind], random);
            folder.File(kind, mutant);
            try
            {
                Exercise.Open(Opened(folder, kind));
            }
            catch (Exception e)
            {
                Directory.CreateDirectory(s_found);
                var kept = Path.Combine(s_found, $"{Convert.ToHexStringLower(SHA256.HashData(mutant))[..12]}.{kind}");
                File.WriteAllBytes(kept, mutant);
                throw new InvalidOperationException($"round {round} of {kind} broke the promise; its input is kept as {kept}", e);
            }
        }
    }

    [Fact]
    public void Found_once_are_read_or_refused_for_ever()
    {
        foreach (var kept in Directory.Exists(s_found) ? Directory.GetFiles(s_found) : [])
        {
            var kind = Path.GetFileName(kept)[13..];
            using var folder = new TemporaryFolder();
            foreach (var (name, content) in Valid(kind))
                folder.File(name, content);
            folder.File(kind, File.ReadAllBytes(kept));
            Exercise.Open(Opened(folder, kind));
        }
    }

    static string Opened(TemporaryFolder folder, string kind) =>
        Path.Combine(folder.Path, kind is "m.gguf" or "model.safetensors.index.json" ? kind : "model.safetensors");

    static byte[] Mutate(byte[] valid, Random random)
    {
        var bytes = valid.ToList();
        for (var i = random.Next(1, 4); i > 0 && bytes.Count > 16; i--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 24), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length)); break;
                case 4: bytes.RemoveRange(at, bytes.Count - at); break;
                default:
                    // Numbers that break arithmetic, in eight bytes or as text.
                    ulong[] numbers = [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1UL << 62, 1UL << 63, ulong.MaxValue, (ulong)bytes.Count];
                    var number = numbers[random.Next(numbers.Length)];
                    var replacement = new byte[8];
                    BinaryPrimitives.WriteUInt64LittleEndian(replacement, number);
                    if (random.Next(2) == 0)
                        replacement = Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
                    bytes.RemoveRange(at, Math.Min(replacement.Length, bytes.Count - at));
                    bytes.InsertRange(at, replacement);
                    break;
            }
        }
        return [.. bytes];
    }
}
