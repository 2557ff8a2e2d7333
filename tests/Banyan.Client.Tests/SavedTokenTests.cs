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
            var (token, note) = SavedToken.For(new(hub), name => name switch { "HF_TOKEN_PATH" => file, "HF_ENDPOINT" => endpoint, _ => null });
            Assert.Equal(goes ? "hf_saved" : null, token);
            Assert.Equal(goes, note is null);
            Assert.DoesNotContain("hf_saved", note ?? "");
            // One that is given for this call goes along.
            Assert.Equal(("hf_given", null), SavedToken.For(new(hub), name => name == "HF_TOKEN" ? "hf_given" : null));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
