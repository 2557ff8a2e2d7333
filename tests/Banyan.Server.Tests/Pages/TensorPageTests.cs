using System.Text;
using System.Text.Json;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Pages;

/// <summary>Numbers of tensors, read from the file by ranges when somebody asks; weights that lie in folders.</summary>
public class TensorPageTests(SharedHub shared)
{
    static byte[] Safetensors(params (string Name, string Type, long[] Shape, byte[] Bytes)[] tensors)
    {
        var (header, at) = (new Dictionary<string, object>(), 0);
        foreach (var (name, type, shape, bytes) in tensors)
        {
            header[name] = new { dtype = type, shape, data_offsets = new[] { at, at + bytes.Length } };
            at += bytes.Length;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. tensors.SelectMany(t => t.Bytes)];
    }

    static byte[] Bytes<T>(params T[] values) where T : unmanaged =>
        System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(values).ToArray();

    [Fact]
    public async Task A_tensor_shows_what_its_numbers_are_like()
    {
        var hub = await shared.GetAsync();
        var repo = await hub.CreateRepoAsync("numbers");
        var file = Safetensors(
            ("f32", "F32", [2, 2], Bytes(0f, 1f, 2f, float.NaN)), ("bf16<b>", "BF16", [2], Bytes((ushort)0x3F80, (ushort)0xC040)),
            ("i64", "I64", [3], Bytes(-5L, 0L, 2L)),
            ("f8", "F8_E4M3", [4], [0x38, 0xB8, 0x7E, 0x01]), ("f8_5", "F8_E5M2", [2], [0x3C, 0xC0]), ("bool", "BOOL", [2], [0, 1]),
            ("strange", "F4_X", [2], [1]), ("empty", "F32", [0], []),
            ("many", "F32", [1_000_000], Bytes([.. Enumerable.Range(0, 1_000_000).Select(i => (float)i)])),
            ("short", "F32", [3], Bytes(1f)));
        var gguf = await File.ReadAllBytesAsync(SharedData.Path("models", "stories260K.gguf"));
        await hub.UploadAsync(repo, file);
        await hub.UploadAsync(repo, gguf);
        await HubServer.JsonOf(await hub.CommitAsync(repo, hub.Ana, "w", null, HubServer.Large("model.safetensors", file),
            HubServer.Large("F32/m-F32.gguf", gguf), HubServer.Large("deep/er/m-Q8_0.gguf", gguf)));
        foreach (var (tensor, expected) in new[]
        {
            ("f32", "Values of f32, 0 to 2|mean 1<|standard deviation 0.8165|1 zeros|1 infinite|of all numbers"),
            ("bf16<b>", "Values of bf16&lt;b&gt;, -3 to 1|mean -1<"), ("i64", ", -5 to 2|mean -1<|1 zeros"),
            ("f8", ", -1 to 448|mean 112"), ("f8_5", ", -2 to 1|"), ("bool", "mean 0.5<"), ("strange", "type F4_X cannot be shown"),
            ("empty", "of all numbers|mean 0<"), ("short", "does not lie within the file"),
            ("none<b>", "no tensor &#x27;none&lt;b&gt;&#x27;"),
            ("many", "Values of many, 0 to |of a sample of 65536 numbers"),
        })
        {
            var (status, html, _) = await shared.PageAsync($"/{repo}/blob/main/model.safetensors?tensor={Uri.EscapeDataString(tensor)}");
            Assert.Equal(200, status);
            foreach (var part in expected.Split('|'))
                Assert.Contains(part, html);
            Assert.Contains("10 tensors", html);
            Assert.DoesNotContain("none<b>", html);
        }
        var page = (await shared.PageAsync($"/{repo}/blob/main/F32/m-F32.gguf?tensor=output_norm.weight")).Html;
        Assert.Contains("Values of output_norm.weight", page);
        Assert.Contains("of all numbers", page);

        // Weights in folders are weights of the model.
        var card = (await shared.PageAsync($"/{repo}")).Html;
        Assert.Contains("/blob/main/F32/m-F32.gguf\">F32/m-F32.gguf</a>", card);
        Assert.Contains("/blob/main/deep/er/m-Q8_0.gguf\"", card);
        Assert.Contains("FROM ./m-", card);
        Assert.Contains("gguf", (await hub.GetJsonAsync($"/api/models/{repo}")).GetProperty("tags").EnumerateArray()
            .Select(t => t.GetString()));
        Assert.Contains("numbers", (await shared.PageAsync("/models?search=numbers&format=q8_0&fits=1")).Html);
    }
}
