using Banyan.Client.Hub;

namespace Banyan.Client.Tests;

/// <summary>A token that was saved goes to the hub it is for, and to no other.</summary>
public sealed class SavedTokenTests
{
    [Theory]
    [InlineData("https://huggingface.co", null, true)]
    [InlineData("https://huggingface.co/", null, true)]
    [InlineData("http://huggingface.co", null, false)]
    [InlineData("https://huggingface.co.evil.example", null, false)]
    [InlineData("https://huggingface.co:8443", null, false)]
    [InlineData("http://localhost:8080", null, false)]
    [InlineData("http://127.0.0.1:9000", "http://localhost:8080", false)]
    [InlineData("http://localhost:8080", "http://localhost:8080", true)]
    [InlineData("http://localhost:8080", "localhost:8080", true)]
    [InlineData("https://hub.example.org/models", "https://HUB.example.org/models", true)]
    [InlineData("https://other.example.org", "https://hub.example.org", false)]
    [InlineData("http://hub.example.org", "http://hub.example.org", false)]
    [InlineData("http://192.168.1.7:8080", "http://192.168.1.7:8080", false)]
    [InlineData("https://huggingface.co", "https://hub.example.org", false)]
    public void Goes_where_it_belongs(string hub, string? endpoint, bool goes)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "hf_saved\n");
            var (token, note) = SavedToken.For(new(hub),
                name => name switch { "HF_TOKEN_PATH" => file, "HF_ENDPOINT" => endpoint, _ => null });
            Assert.Equal(goes ? "hf_saved" : null, token);
            Assert.Equal(goes, note is null);
            Assert.DoesNotContain("hf_saved", note ?? "");
            // Where only plain HTTP is in the way, whoever trusts the network says so.
            string? Trusting(string name) =>
                name switch
                {
                    "HF_TOKEN_PATH" => file,
                    "HF_ENDPOINT" => endpoint,
                    "BANYAN_PLAIN_HTTP" => new Uri(hub).GetLeftPart(UriPartial.Authority),
                    _ => null
                };
            Assert.Equal(note?.Contains("BANYAN_PLAIN_HTTP", StringComparison.Ordinal) == true ? "hf_saved" : token,
                SavedToken.For(new(hub), Trusting).Token);
            // One in the variable belongs to an address as well; it also goes to any hub on this machine.
            var given = SavedToken.For(new(hub), name => name switch { "HF_TOKEN" => " hf_given\n", "HF_ENDPOINT" => endpoint, _ => null });
            Assert.Equal(goes || new Uri(hub).IsLoopback ? "hf_given" : null, given.Token);
            Assert.DoesNotContain("hf_given", given.Note ?? "");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("http://hub.lan:8080", true)]
    [InlineData("hub.lan:8080", true)]
    [InlineData("http://HUB.lan:8080/", true)]
    [InlineData("http://hub.lan", false)]
    [InlineData("http://hub.lan:8080.evil.example", false)]
    [InlineData("1", false)]
    [InlineData("", false)]
    public void Over_plain_HTTP_it_goes_where_that_is_said(string allowed, bool goes)
    {
        var (token, note) = SavedToken.For(
            new("http://hub.lan:8080/"),
            name => name switch
            {
                "HF_TOKEN" => "hf_given",
                "HF_ENDPOINT" => "http://hub.lan:8080",
                "BANYAN_PLAIN_HTTP" => allowed,
                _ => null
            });
        Assert.Equal(goes ? "hf_given" : null, token);
        if (!goes)
            Assert.Contains("BANYAN_PLAIN_HTTP=http://hub.lan:8080", note, StringComparison.Ordinal);
    }
}
