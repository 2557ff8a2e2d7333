using Banyan.Server.Inference.Models;

namespace Banyan.Server.Tests.Inference;

public sealed class ModelFolderTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-test-");

    [Fact]
    public void Files_folders_and_first_parts_are_models()
    {
        Touch("a.gguf", "b-00001-of-00002.gguf", "b-00002-of-00002.gguf", "notes.txt", "owner/c/config.json", "owner/c/model.safetensors",
            "owner/d/config.json", "e/f.gguf", "1/2/3/4/deep.gguf");
        Assert.Equal(["a", "b", "c", "f"], ModelFolder.Find(_folder.FullName).Select(m => m.Name).Order());
    }

    [Fact]
    public void Folders_of_adapters_are_none_and_name_their_base()
    {
        Touch("a.gguf", "mine/adapter_config.json", "mine/adapter_model.safetensors", "mine/adapter.gguf",
            "owner/other/adapter_config.json");
        File.WriteAllText(Path.Combine(_folder.FullName, "mine", "adapter_config.json"), """{"base_model_name_or_path": "owner/a"}""");
        Assert.Equal(["a"], ModelFolder.Find(_folder.FullName).Where(m => m.Base is null).Select(m => m.Name));
        Assert.Equal([("mine", "owner/a")], ModelFolder.Find(_folder.FullName).Where(m => m.Base is not null)
            .Select(m => (m.Name, m.Base!)));
    }

    [Fact]
    public void A_missing_folder_has_none() => Assert.Empty(ModelFolder.Find(Path.Combine(_folder.FullName, "missing")));

    [Theory]
    [InlineData("/m/qwen.gguf", "qwen")]
    [InlineData("/m/qwen-00001-of-00003.gguf", "qwen")]
    [InlineData("/m/qwen.v2/", "qwen.v2")]
    [InlineData("/m/qwen/model.safetensors", "qwen")]
    [InlineData("/m/qwen/model.safetensors.index.json", "qwen")]
    [InlineData("/c/models--owner--qwen/snapshots/0123abcd/", "qwen")]
    public void Names_are_those_people_use(string path, string name) => Assert.Equal(name, ModelFolder.NameOf(path));

    void Touch(params string[] files)
    {
        foreach (var file in files)
        {
            var path = Path.Combine(_folder.FullName, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, "");
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
